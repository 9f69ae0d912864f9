"""Parts that all packages use: errors, configuration files, manifests, files and requests to servers."""

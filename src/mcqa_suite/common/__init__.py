"""What every room uses: errors, configuration files, manifests, files and requests to servers."""

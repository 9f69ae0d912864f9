"""Models that the harness can run: prefix sharing, caches, sampling, several processes."""

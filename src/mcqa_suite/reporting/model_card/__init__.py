"""A checkpoint's model card (README.md): made from manifests and runs, merged with what people wrote, and uploaded."""

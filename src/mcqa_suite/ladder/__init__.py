"""Run a recipe: train, quantise and evaluate its checkpoints, in order on this machine or on a Ray cluster."""

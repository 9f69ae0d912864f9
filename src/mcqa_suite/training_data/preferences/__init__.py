"""Preference pairs of a model's own responses: sampled, labelled by correctness, a judge or a human, and checked.

Every step writes one JSON object a line as it goes, and goes on where it stopped.
"""

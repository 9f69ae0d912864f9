"""Preference pairs of a model's own responses: sampled, labelled by correctness, a judge or a human, and checked.

Every step appends one JSON object a line to its output, and resumes where it stopped.
"""

"""Multiple-choice questions: data set rows in one form, prompts, EPFL files, option rotations."""

"""The functions that task YAMLs name, and how tasks are listed and loaded."""

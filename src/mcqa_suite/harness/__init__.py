"""Everything that touches lm-evaluation-harness: the functions that task YAMLs name, and the ways to run them."""

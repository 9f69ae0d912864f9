"""Training rows: sources, mixes, preference pairs, and the audit for leaks."""

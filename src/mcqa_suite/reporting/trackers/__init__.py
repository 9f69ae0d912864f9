"""Gives scores, settings, tables and the report to experiment trackers that the command line names."""

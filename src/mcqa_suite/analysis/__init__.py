"""Logs in, results out: comparison, voting, variance, option order, ranking."""

"""Experiments: scenarios, runs, results, figures, the check against the use-case catalogue, and the command line."""

"""Baselines: what the meter would have read without the activation."""

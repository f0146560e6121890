"""Platforms relay, store and authenticate; they never decide (law 5)."""

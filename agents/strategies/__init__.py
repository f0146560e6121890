"""Strategies: pure functions from what an agent has seen to what it decides."""

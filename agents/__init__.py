"""Agents: one module per business role; their strategies are pure functions."""

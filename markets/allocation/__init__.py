"""Allocation of a community's generation to its members."""

"""Balancing services of a transmission system operator: what providers do when called, and whose imbalance it is."""

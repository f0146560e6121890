"""Clearing rules: bids and needs in, accepted quantities and shadow prices out."""

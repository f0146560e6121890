"""Registers: life cycles, and who may change what. Pure; their storage belongs to whoever keeps them."""

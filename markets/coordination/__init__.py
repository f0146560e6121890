"""Coordination schemes of system operators that want the same flexibility: pure functions, one module a scheme.

A scheme takes a :class:`~markets.coordination.situation.Situation` (bids, needs and limits of the transmission and the distribution system
operators) and says who activates what. All schemes see the same bids; they differ in who buys, in which order, and in whose limits are looked at.
"""

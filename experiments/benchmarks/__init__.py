"""Benchmarks: how fast the parts and a whole day are; never run as tests."""

"""Benchmarks of skstruct against its peers: ``python -m benchmarks``."""

"""Structured pruning of PyTorch models; nothing else in the package imports torch."""

"""Jitted kernels: the only code that numba compiles."""

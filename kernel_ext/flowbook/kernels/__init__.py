"""Runs notebooks in kernels: knows notebooks and files, not flows."""

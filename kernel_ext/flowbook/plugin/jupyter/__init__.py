"""Notebooks and cells as tasks."""

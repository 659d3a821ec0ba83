"""Dates, read and written by Java's patterns."""

"""The filters, by topic. Each is a Python function with a doctest."""

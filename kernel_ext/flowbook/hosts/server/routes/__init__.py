"""One module a resource; each lists its `ROUTES`."""

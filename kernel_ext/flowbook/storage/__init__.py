"""Internal storage: files addressed by `kestra:///…`, and nothing else that builds a path from a URI."""

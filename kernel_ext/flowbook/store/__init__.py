"""The history of a workspace: one DuckDB file, six verbs, any number of hosts."""

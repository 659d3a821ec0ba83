"""What is shown of flows and executions: pure functions from rows to data, text, HTML and SVG."""

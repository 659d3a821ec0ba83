"""The command line: `flowbook …`, for terminals and CI."""

from __future__ import annotations


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from .app import flowbook

    flowbook.main(prog_name="flowbook")

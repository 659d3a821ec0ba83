"""`python -m flowbook`: the command line."""

from .hosts.cli import main

main()

"""`python -m flowbook.hosts.cli`: the same as `flowbook`."""

from . import main

main()

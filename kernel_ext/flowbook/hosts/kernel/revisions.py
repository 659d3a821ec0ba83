"""`%flow revisions`: what a flow said before."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from .named import wanted_id
from .tables import Table

if TYPE_CHECKING:
    from .magics import FlowMagics


def revisions(magics: FlowMagics, given: Namespace) -> Any:
    """List them, compare two, or bring one back."""
    ws = magics.ws
    uid = wanted_id(magics, given.flow)
    if given.restore is not None:
        ws.restore(uid, given.restore)
        newest = ws.revisions(uid)[0]["revision"]
        print(f"Revision {given.restore} of {uid} is back, as revision {newest}.")
        return None
    if given.diff is not None:
        if len(given.diff) > 2:
            raise UsageError("--diff compares two revisions: --diff OLD NEW")
        print(ws.compare(uid, *given.diff) or "Nothing differs.")
        return None
    rows = [
        {
            "revision": row["revision"],
            "state": "draft" if row["draft"] else "deployed",
            "created": row["created_at"].astimezone().strftime("%d %b %Y, %H:%M:%S"),
        }
        for row in ws.revisions(uid)
    ]
    return Table(rows)

"""What expressions see as `namespace`: its id, description and variables, those of its parents below."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowbook.errors import ExpressionError

if TYPE_CHECKING:
    from .workspace import Workspace

PATIENCE = 30.0


def seen(workspace: Workspace, namespace: str) -> Mapping[str, Any]:
    """The namespace: variables under their names and under `variables`. Called in worker threads; the
    loop itself, which may not wait, sees the id alone (`Template.needs_thread`)."""
    if threading.get_ident() == workspace.thread:
        return {"id": namespace}
    asked = asyncio.run_coroutine_threadsafe(_rows(workspace, namespace), workspace.loop)
    try:
        rows = asked.result(PATIENCE)
    except TimeoutError:
        raise ExpressionError(
            f"The variables of namespace '{namespace}' could not be read"
        ) from None
    variables: dict[str, Any] = {}
    for row in rows:
        variables = _merged(variables, row["variables"] or {})
    own = rows[-1] if rows and rows[-1]["id"] == namespace else {}
    return {
        **variables,
        "id": namespace,
        "description": own.get("description"),
        "variables": variables,
    }


async def _rows(workspace: Workspace, namespace: str) -> list[dict[str, Any]]:
    return await workspace.store.query("namespaces_above", namespace=namespace)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        before = merged.get(name)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(before, value) if both else value  # type: ignore[arg-type]  # both are
    return merged

"""Removing executions for ever, with their history and files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowbook.errors import Conflict
from flowbook.kinds.state import State
from flowbook.storage.uri import execution_prefix

if TYPE_CHECKING:
    from .workspace import Workspace

PAGE = 200


async def delete(
    workspace: Workspace,
    ids: Sequence[str],
    *,
    logs: bool = True,
    metrics: bool = True,
    storage: bool = True,
) -> list[str]:
    """Remove executions that have ended; logs, metrics and files stay if that is said. Raises
    `NotFound`, `Conflict`."""
    rows = [await workspace.history.row(execution_id) for execution_id in ids]
    for row in rows:
        if not State(row["state"]).is_terminal or row["id"] in workspace.drivers:
            raise Conflict(
                f"Execution '{row['id']}' is {row['state']}: only an ended one is deleted"
            )
    records = ["cells", *(["logs"] if logs else []), *(["metrics"] if metrics else [])]
    for start in range(0, len(rows), PAGE):
        page = rows[start : start + PAGE]
        if storage:  # files go before rows: what is interrupted can be done again
            await asyncio.to_thread(_files, workspace, page)
        await workspace.store.purge([row["id"] for row in page], records=records)
        for row in page:
            workspace.history.forget(row["id"])
    await workspace.continuing.forget(ids)
    return list(ids)


def _files(workspace: Workspace, rows: Sequence[dict[str, str]]) -> None:
    for row in rows:
        prefix = execution_prefix(row["namespace"], row["flow_id"], row["id"])
        workspace.storage.delete(f"kestra:///{prefix}")

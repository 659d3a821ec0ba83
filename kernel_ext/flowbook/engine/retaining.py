"""What the holder of the lease removes, once an hour: history and files whose time is over."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError, WorkspaceError
from flowbook.kinds.durations import parse_duration
from flowbook.store.retention import EXECUTIONS, LOGS, Retention, Swept, sweep

if TYPE_CHECKING:
    from .workspace import Workspace

FIRST = timedelta(minutes=1)
"""After the lease was won: a server that starts has better things to do."""
BETWEEN = timedelta(hours=1)

log = logging.getLogger(__name__)


async def retain(workspace: Workspace) -> None:
    """Remove what is older than it is kept, again and again. Until cancelled."""
    clock = workspace.clock
    due = clock.now() + FIRST
    while True:
        await clock.until(due)
        try:
            swept = await sweep_now(workspace)
            if swept.executions or swept.records:
                log.info(
                    "removed %s executions and %s records", len(swept.executions), swept.records
                )
        except (FlowbookError, OSError) as error:  # the next hour comes
            log.warning("Old history stays: %s", error)
        due = clock.now() + BETWEEN


async def sweep_now(workspace: Workspace, *, dry_run: bool = False) -> Swept:
    """Remove what is older than it is kept; with `dry_run` only say what that would be."""
    with workspace.clock.working():
        kept = await retention(workspace)
        now = workspace.clock.now()
        return await sweep(workspace.store, workspace.storage, kept, now=now, dry_run=dry_run)


async def retention(workspace: Workspace) -> Retention:
    """How long things are kept: the configuration's word, and that of single flows."""
    executions = _length(workspace, "executions", EXECUTIONS)
    logs = _length(workspace, "logs", LOGS)
    flows = {}
    for row in await workspace.store.query("flows_with_retention"):
        try:
            flow, _ = await workspace.flows.load(row["namespace"], row["id"], row["revision"])
        except FlowbookError as error:
            log.warning("%s.%s: %s", row["namespace"], row["id"], error)
            continue
        if (own := flow.retention) is not None:
            flows[flow.uid] = Retention(
                executions=own.executions or executions, logs=own.logs or logs
            )
    return Retention(executions=executions, logs=logs, flows=flows)


def _length(workspace: Workspace, name: str, usual: timedelta) -> timedelta | None:
    """`flowbook.retention.<name>`: a duration, or `never`. Raises `WorkspaceError`."""
    path = f"flowbook.retention.{name}"
    given: Any = workspace.config.get(path)
    if given is None:
        return usual
    if str(given).strip().lower() in ("never", "false"):
        return None
    try:
        return parse_duration(given)
    except ValueError:
        raise WorkspaceError(
            f"{path} of the configuration is '{given}': write a duration like P90D, or never"
        ) from None

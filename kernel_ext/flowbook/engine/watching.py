"""The files of `flows/`, kept deployed: a change deploys, a deletion disables. Only where trusted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flowbook.errors import FlowbookError, FlowInvalid, NotFound
from flowbook.workspace import trust

if TYPE_CHECKING:
    from flowbook.flows.model import Flow
    from flowbook.workspace.place import Place

    from .workspace import Workspace

LOOKED = 1.0
"""Seconds between two looks for a `flows/` that isn't there yet."""
log = logging.getLogger(__name__)


async def watch(workspace: Workspace) -> None:
    """Bring the history up to the files, then follow them. Until cancelled."""
    folder = workspace.place.flows
    while True:
        while not folder.is_dir():
            await asyncio.sleep(LOOKED)
        try:
            await _follow(workspace, folder)
        except (OSError, FlowbookError) as error:
            log.warning("%s isn't watched at present: %s", folder, error)
        await asyncio.sleep(LOOKED)


async def _follow(workspace: Workspace, folder: Path) -> None:
    from watchfiles import awatch

    changes = awatch(folder, debounce=200, step=50, ignore_permission_denied=True)
    coming = asyncio.ensure_future(anext(changes))
    try:
        await asyncio.sleep(0)  # it watches from its first step on: nothing falls in between
        await take(workspace, files(folder))
        await disable_missing(workspace)
        while True:
            changed = await coming
            coming = asyncio.ensure_future(anext(changes))
            await take(workspace, {Path(path) for _, path in changed})
            await disable_missing(workspace)
    finally:
        coming.cancel()


def files(folder: Path) -> list[Path]:
    """The YAML files below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if is_candidate(path))


def is_candidate(path: Path) -> bool:
    """Whether a path may be a flow's file."""
    return path.suffix in (".yaml", ".yml") and not path.name.startswith(".")


def flows_in(place: Place) -> list[Flow]:
    """The flows that lie in `flows/`, deployed or not; files with problems are left out."""
    from flowbook.flows.parse import is_flow

    from .sources import read

    found = []
    for path in files(place.flows) if place.flows.is_dir() else ():
        try:
            if is_flow(path.read_text("utf-8")):
                found.append(read(path, place))
        except (FlowbookError, OSError, UnicodeDecodeError):
            continue
    return found


async def compare(workspace: Workspace, uid: str) -> None:
    """Deploy a flow's file if it has changed and nobody watches it; what is untrusted stays."""
    namespace, _, flow_id = uid.rpartition(".")
    for flow in flows_in(workspace.place):
        if (flow.namespace, flow.id) == (namespace, flow_id):
            await take(workspace, [Path(flow.name)])


async def take(workspace: Workspace, paths: Iterable[Path]) -> None:
    """Deploy what has changed; a file with problems leaves the flow as it was."""
    for path in sorted(paths):
        if not is_candidate(path) or not path.is_file() or not trust.is_trusted(workspace.place):
            continue
        try:
            await _take(workspace, path)
        except FlowInvalid as error:
            log.warning("%s isn't deployed:\n%s", path, error)
        except (FlowbookError, OSError, UnicodeDecodeError) as error:
            log.warning("%s isn't deployed: %s", path, error)


async def _take(workspace: Workspace, path: Path) -> None:
    from flowbook.flows.parse import is_flow

    from .sources import read

    if not is_flow(path.read_text("utf-8")):
        return
    flow = read(path, workspace.place)
    try:
        known, row = await workspace.flows.load(flow.namespace, flow.id)
    except NotFound:
        pass
    else:
        same = known.source == flow.source and not row["draft"]
        if same and bool(row["disabled"]) == flow.disabled and row["origin"] is not None:
            return
        other = row["origin"]
        mine = workspace.flows.origin(flow)
        if other not in (None, mine) and (workspace.place.root / other).is_file():
            log.warning("%s has the id of %s, which stays: %s", path, other, flow.uid)
            return
    await workspace.deploy(flow)


async def disable_missing(workspace: Workspace) -> None:
    """Switch off the flows whose file is gone."""
    if not trust.is_trusted(workspace.place):
        return
    for row in await workspace.store.query("flows_latest", namespace=None, q=None):
        origin = row["origin"]
        if origin is None or row["disabled"] or (workspace.place.root / origin).is_file():
            continue
        await workspace.store.transact(
            "disable_flow", namespace=row["namespace"], id=row["id"], disabled=True
        )

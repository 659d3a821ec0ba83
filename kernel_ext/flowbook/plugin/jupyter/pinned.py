"""Notebooks as they were when their flow was deployed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.task import Task
from flowbook.storage.files import Storage

from .found import Found, notebook_at, place_of
from .notebook import Notebook, Source


def freeze(
    storage: Storage,
    flow: tuple[str, str, int],
    tasks: Iterable[Task],
    folders: Sequence[Path],
) -> None:
    """Keep the notebooks that tasks of a flow (namespace, id, revision) ask to be pinned."""
    for task in tasks:
        if isinstance(task, Notebook) and task.source is Source.PINNED:
            path = place_of(str(task.path), folders)
            if path is not None:
                storage.put(_prefix(storage, *flow), task.id, path.name, source=path)


async def pinned(context: Context, path: str) -> Found:
    """The notebook as it was deployed; of a draft as it is now. Raises `TaskFailed`."""
    execution = context.engine.drivers[context.execution_id].execution
    if execution.draft:
        return await notebook_at(context, path)
    storage: Storage = context.engine.storage
    flow = (context.namespace, context.flow_id, execution.revision)
    folders = (context.flow_folder.resolve(), context.workspace_root.resolve())
    kept = storage.path(
        "/".join(("kestra://", _prefix(storage, *flow), context.task_id, Path(path).name))
    )
    if not kept.is_file():
        raise TaskFailed(
            f"'{path}' was not there when the flow was deployed: deploy it again, or use `source: live`"
        )
    now = place_of(path, folders)
    if now is None:
        return Found(kept, path, is_stored=True)
    shown = await notebook_at(context, path)
    if now.read_bytes() != kept.read_bytes():
        context.log("INFO", f"{path} has changed since the flow was deployed: its pinned copy runs")
    return replace(shown, path=kept, folder=now.parent)


def _prefix(storage: Storage, namespace: str, flow: str, revision: int) -> str:
    return f"{storage.flow_prefix(namespace, flow)}/pinned/{revision}"

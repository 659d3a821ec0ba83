"""Which files an execution may read, and where they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from flowbook.errors import Conflict, NotFound
from flowbook.executions.model import Execution
from flowbook.storage.uri import slug

if TYPE_CHECKING:
    from .workspace import Workspace

STORED = ("kestra:", "flowbook:")


def readable(
    workspace: Workspace,
    uri: str,
    execution: Execution,
    folder: Path | None,
    namespace: str | None = None,
) -> Path:
    """The path of a stored file, a namespace file or a file of the workspace.

    Raises `Conflict` for one that belongs to another execution, `NotFound` for one that isn't there.
    """
    if uri.startswith(STORED):
        return _stored(workspace, uri, execution)
    if uri.startswith("nsfile:"):
        return _inside(
            workspace.place.namespaces
            / (urlsplit(uri).netloc or namespace or execution.flow.namespace),
            urlsplit(uri).path,
            uri,
        )
    if uri.startswith("file:"):
        path = Path(unquote(urlsplit(uri).path))
        return _existing(_below(workspace.place.root, path, uri), uri)
    base = workspace.place.namespaces / (namespace or execution.flow.namespace)
    if (found := base / uri.lstrip("/")).is_file():
        return _inside(base, uri, uri)
    if folder is not None and namespace is None:
        path = folder / uri
        return _existing(_below(workspace.place.root, path, uri), uri)
    return _existing(found, uri)


def _stored(workspace: Workspace, uri: str, execution: Execution) -> Path:
    path = workspace.storage.path(uri)
    segments = [part for part in urlsplit(uri).path.split("/") if part]
    if "_files" in segments:
        at = segments.index("_files")
        owner = ".".join(segments[:at])
        return _inside(workspace.place.namespaces / owner, "/".join(segments[at + 1 :]), uri)
    if "executions" in segments:
        owner_id = segments[segments.index("executions") + 1]
        if owner_id not in _family(execution):
            raise Conflict(
                f"Unable to read the file '{uri}' as it didn't belong to the current execution"
            )
    return _existing(path, uri)


def _family(execution: Execution) -> set[str]:
    """The executions whose files this one may read: itself, what it was made from, who triggered it,
    and what it started."""
    family = {execution.id, slug(execution.id), execution.original_id}
    family |= {one for one in (execution.parent_id, execution.recorded_from) if one}
    triggered_by = (execution.trigger or {}).get("variables", {}).get("executionId")
    if triggered_by:
        family.add(triggered_by)
    family |= set((execution.trigger or {}).get("of", ()))
    family |= {
        run.outputs["executionId"]
        for run in execution.task_runs.values()
        if run.outputs and "executionId" in run.outputs
    }
    return family | {slug(one) for one in family}


def _below(root: Path, path: Path, uri: str) -> Path:
    resolved = path.resolve()
    if not resolved.is_relative_to(root.resolve()):
        raise Conflict(f"'{uri}' leads out of the workspace {root}")
    return resolved


def _inside(base: Path, relative: str, uri: str) -> Path:
    path = (base / relative.lstrip("/")).resolve()
    if not path.is_relative_to(base.resolve()):
        raise Conflict(f"Invalid URI '{uri}': it leads out of its namespace")
    return _existing(path, uri)


def _existing(path: Path, uri: str) -> Path:
    if not path.is_file():
        raise NotFound(f"There is no file '{uri}'")
    return path

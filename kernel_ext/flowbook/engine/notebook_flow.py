"""The small, readable flow that runs one notebook at the times of a cron text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowbook.errors import Conflict, FlowbookError, NotFound
from flowbook.kinds.dynamic import Json
from flowbook.triggers.cron import Cron
from flowbook.triggers.zones import machine_zone, zone

if TYPE_CHECKING:
    from flowbook.flows.model import Flow

    from .workspace import Workspace

TEMPLATE = """\
id: {id}
namespace: {namespace}
description: {description}

tasks:
  - id: {task}
    type: flowbook.jupyter.Notebook
    path: {path}
{parameters}
triggers:
  - id: schedule
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "{cron}"
{seconds}    timezone: {timezone}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookFlow:
    """A flow's text and where it is kept."""

    id: str
    namespace: str
    path: Path
    text: str


def notebook_flow(
    notebook: Path,
    cron: str,
    *,
    flows: Path,
    timezone: str | None = None,
    inputs: Mapping[str, Json] | None = None,
    id: str | None = None,
    namespace: str | None = None,
) -> NotebookFlow:
    """The flow that runs `notebook`; nothing is written.

    Six fields of `cron` begin with seconds. Raises: NotFound, FlowbookError.
    """
    if not notebook.is_file():
        raise NotFound(f"No notebook at '{notebook}'.")
    try:
        parsed, with_seconds = Cron.parse_any(cron)
        zone(timezone)
    except ValueError as error:
        raise FlowbookError(str(error)) from None
    name = id or slug(notebook.stem)
    zone_name = timezone or machine_zone()
    text = TEMPLATE.format(
        id=name,
        namespace=namespace or "notebook",
        description=_scalar(f"Run {notebook.name} on a schedule"),
        task=slug(notebook.stem),
        path=_scalar(_from(flows, notebook)),
        parameters=_parameters(inputs or {}),
        cron=parsed.text.strip(),
        seconds="    withSeconds: true\n" if with_seconds else "",
        timezone=_scalar(zone_name),
    )
    return NotebookFlow(
        id=name, namespace=namespace or "notebook", path=flows / f"{name}.yaml", text=text
    )


async def schedule_notebook(
    workspace: Workspace,
    notebook: str | Path,
    cron: str,
    *,
    timezone: str | None = None,
    inputs: Mapping[str, Json] | None = None,
    id: str | None = None,
    namespace: str | None = None,
) -> Flow:
    """Write the flow that runs a notebook at the dates of a cron text into `flows/`, and deploy it.

    Scheduling the same notebook again replaces its file. Raises: NotFound, Conflict, FlowbookError.
    """
    found = notebook_flow(
        Path(notebook).expanduser().resolve(),
        cron,
        flows=workspace.place.flows,
        timezone=timezone,
        inputs=inputs,
        id=id,
        namespace=namespace,
    )
    if found.path.exists() and "flowbook.jupyter.Notebook" not in found.path.read_text("utf-8"):
        raise Conflict(
            f"{found.path} is there already and runs no notebook: give the schedule another id."
        )
    written(found.path, found.text)
    return await workspace.deploy(found.path)


def written(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    import os
    import uuid

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        draft.write_text(text, "utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def slug(text: str) -> str:
    """A text as an id: lower case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "notebook"


def _from(folder: Path, notebook: Path) -> str:
    """The notebook as its flow's file names it: relative, so that the folder can be moved."""
    import os

    return Path(os.path.relpath(notebook.resolve(), folder.resolve())).as_posix()


def _parameters(inputs: Mapping[str, Json]) -> str:
    if not inputs:
        return ""
    lines = "".join(f"      {_scalar(key)}: {_scalar(value)}\n" for key, value in inputs.items())
    return f"    parameters:\n{lines}"


def _scalar(value: Json) -> str:
    """A value in one line of YAML, quoted only where it must be."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_./][A-Za-z0-9_./ -]*", value):
        if value.strip() == value and value.lower() not in _WORDS:
            return value
    return json.dumps(value, ensure_ascii=False)


_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"})

"""Inputs as somebody gives them: values, files by their paths, uploads. Files go into the storage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from flowbook.errors import FlowbookError, InputInvalid
from flowbook.executions.model import Execution
from flowbook.flows.inputs import flat, nested, undeclared
from flowbook.flows.messages import did_you_mean
from flowbook.flows.model import Flow
from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.storage.uri import input_prefix, is_uri, slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .workspace import Workspace

LARGEST = 10 * 2**20
"""Bytes that a file may have whose text is a value."""
COPIED = ("nsfile:", "file:")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request."""

    name: str
    content: bytes


Given: TypeAlias = "Json | Path | Upload"
Files: TypeAlias = dict[str, "Path | Upload"]


def unknown_names(flow: Flow, given: Mapping[str, Given]) -> InputInvalid | None:
    """What is to be said of names that the flow doesn't declare."""
    known = [each.id for each in flow.declared]
    unknown = undeclared(flow, given)
    if not unknown:
        return None
    return InputInvalid(
        [f"Flow '{flow.uid}' has no input '{name}'" for name in unknown],
        unknown,
        [did_you_mean(name, known) or f"It has {', '.join(known)}." for name in unknown],
    )


def apart(
    declared: Sequence[Input], given: Mapping[str, Given], folder: Path | None
) -> tuple[dict[str, Json], Files]:
    """Plain values, and the files that are given for FILE inputs; a file given for another one is its text.

    Raises `InputInvalid`.
    """
    files: Files = {}
    values: dict[str, Json] = {}
    refused: list[tuple[str, str]] = []
    of_id = {each.id: each for each in declared}
    spread = {**given, **flat(given, declared)}
    for name, value in spread.items():
        if not isinstance(value, Path | Upload):
            values[name] = value
        elif name in of_id and of_id[name].type == "FILE":
            files[name] = value if isinstance(value, Upload) else (folder or Path()) / value
            values[name] = value.name if isinstance(value, Upload) else str(value)
        else:
            try:
                values[name] = _text(value, folder)
            except (OSError, ValueError) as error:
                said = error.strerror if isinstance(error, OSError) else error
                shown = value.name if isinstance(value, Upload) else value
                refused.append((name, f"Invalid input for `{name}`, the file {shown}: {said}"))
    if refused:
        raise InputInvalid([said for _, said in refused], [name for name, _ in refused])
    return values, files


def _text(value: Path | Upload, folder: Path | None) -> str:
    content = value.content if isinstance(value, Upload) else _read((folder or Path()) / value)
    if len(content) > LARGEST:
        raise ValueError(f"it has {len(content):,} bytes, more than the {LARGEST:,} of a value")
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise ValueError("it is not a text in UTF-8") from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def sources(
    workspace: Workspace,
    execution: Execution,
    declared: Sequence[Input],
    values: Mapping[str, Json],
    files: Files,
    folder: Path | None,
) -> Files:
    """The files that FILE inputs name, by input. Raises `InputInvalid` for all that aren't there.

    Only who names a `folder` may give other paths than URIs: a person at this machine.
    """
    asked = [each for each in declared if each.type == "FILE"]
    known = flat(values, asked)
    found: Files = {}
    refused: list[tuple[str, str]] = []
    for each in asked:
        value = known.get(each.id)
        if not isinstance(value, str) or is_uri(value):
            continue
        try:
            source = files.get(each.id) or _local(workspace, execution, value, folder)
            _check(source)
        except (FlowbookError, OSError, ValueError) as error:
            refused.append((each.id, _said(each.id, value, error)))
        else:
            found[each.id] = source
    if refused:
        raise InputInvalid([said for _, said in refused], [name for name, _ in refused])
    return found


async def stored(
    workspace: Workspace,
    execution: Execution,
    declared: Sequence[Input],
    values: dict[str, Json],
    found: Files,
) -> dict[str, Json]:
    """Resolved inputs with the files of FILE inputs in the storage. Raises `InputInvalid`."""
    uris: dict[str, Json] = {}
    for name, source in found.items():
        try:
            uris[name] = await asyncio.to_thread(_put, workspace, execution, name, source)
        except (FlowbookError, OSError, ValueError) as error:
            shown = source.name if isinstance(source, Upload) else source
            raise InputInvalid([_said(name, shown, error)], [name]) from None
    return {**values, **nested({**flat(values, declared), **uris})} if uris else values


def _said(name: str, value: object, error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) else error
    return f"Invalid input for `{name}`, {said}, but received `{value}`"


def _local(workspace: Workspace, execution: Execution, value: str, folder: Path | None) -> Path:
    if value.startswith(COPIED):
        return workspace.readable(value, execution)
    if folder is None:
        raise ValueError("a file is given as an upload or by its kestra:/// URI")
    path = folder / Path(value).expanduser()
    beside = (execution.flow.folder or folder) / value
    return beside if not path.is_file() and beside.is_file() else path


def _check(source: Path | Upload) -> None:
    if isinstance(source, Upload) and not source.content:
        raise ValueError(f"Can't upload file: {source.name}")
    if isinstance(source, Path) and not source.is_file():
        raise ValueError(f"there is no file {source}")


def _put(workspace: Workspace, execution: Execution, name: str, source: Path | Upload) -> str:
    flow = execution.flow
    prefix = input_prefix(flow.namespace, flow.id, execution.id, slug(name))
    content = source.content if isinstance(source, Upload) else source
    return workspace.storage.put(prefix, Path(source.name).name, source=content)

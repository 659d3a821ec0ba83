"""Text to flow, or everything that is wrong with it at once."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from ..errors import FlowInvalid
from ..kinds.dynamic import Json
from ..problems import Problem, Span
from . import source as sources
from .checks import check
from .defaults import Default, apply, own_defaults
from .dialect import detect
from .entries import Entry, entries, named
from .messages import explain, model_at, unknown_fields, unrecognized
from .model import Dialect, Flow, placed
from .reading import Reading
from .source import Path, Source, write_path

MAX_ROUNDS = 8
"""Of leaving out unknown properties: each may uncover more."""
DIALECT = re.compile(r"^dialect:\s*[\"']?(kestra|seed)\b", re.MULTILINE)
ROOT_KEY = re.compile(r"^(id|tasks|namespace)[ \t]*:(?=\s|$)", re.MULTILINE)


def parse(
    text: str,
    name: str = "<flow>",
    *,
    namespace: str | None = None,
    folder: str | PathLike[str] | None = None,
    dialect: str | None = None,
    defaults: Sequence[Sequence[Default]] = (),
) -> Flow:
    """The flow that a text of one document says.

    `namespace` is taken if the text has none. Raises `FlowInvalid` with every problem at once.
    """
    results = parse_all(
        text, name, namespace=namespace, folder=folder, dialect=dialect, defaults=defaults
    )
    flow, problems = results[0]
    if len(results) > 1:
        second = Problem.error(
            f"{len(results)} flows stand in this text, but one is expected",
            hint="Documents are separated by '---'; read them all with parse_all.",
        )
        raise FlowInvalid(
            [*(p for _, found in results for p in found), second], name=name, text=text
        )
    if flow is None:
        raise FlowInvalid(problems, name=name, text=text)
    return flow


def examine(
    text: str,
    name: str = "<flow>",
    *,
    namespace: str | None = None,
    folder: str | PathLike[str] | None = None,
    dialect: str | None = None,
    defaults: Sequence[Sequence[Default]] = (),
) -> tuple[Flow | None, tuple[Problem, ...]]:
    """The flow if the text is one, and all problems: errors, warnings and infos."""
    results = parse_all(
        text, name, namespace=namespace, folder=folder, dialect=dialect, defaults=defaults
    )
    if len(results) == 1:
        return results[0]
    return None, tuple(problem for _, found in results for problem in found)


def parse_all(
    text: str,
    name: str = "<flow>",
    *,
    namespace: str | None = None,
    folder: str | PathLike[str] | None = None,
    dialect: str | None = None,
    defaults: Sequence[Sequence[Default]] = (),
) -> list[tuple[Flow | None, tuple[Problem, ...]]]:
    """Every document of a text as a flow, each with its problems.

    `dialect` is the configured one for documents that don't name theirs; `defaults` are plugin
    defaults from outside, the nearest namespace's first, the global ones last.
    """
    place = None if folder is None else FilePath(folder)
    outside = _Outside(namespace, place, dialect if dialect != "auto" else None, defaults)
    if len(text) > sources.MAX_BYTES or len(text.encode("utf-8", "replace")) > sources.MAX_BYTES:
        return [(None, tuple(sources.load(text, name)[0].problems))]
    return [
        _examine(source, written, outside)
        for part, line in sources.documents(text)
        for source, written in _readable(sources.read(text, name, part, line), line, outside)
    ]


def is_flow(text: str) -> bool:
    """Whether a YAML text means to be a flow; other files beside flows are left alone."""
    found = {match[1] for match in ROOT_KEY.finditer(text)}
    if text.lstrip().startswith("{"):
        tree = sources.load(text)[0].value
        found = set(tree) if isinstance(tree, dict) else set()
    return "id" in found and bool(found & {"tasks", "namespace"})


@dataclass(frozen=True, slots=True)
class _Outside:
    """What isn't in the text."""

    namespace: str | None
    folder: FilePath | None
    dialect: str | None
    defaults: Sequence[Sequence[Default]]


def _readable(
    source: Source, line: int, outside: _Outside
) -> Iterator[tuple[Source, Dialect | None]]:
    """The document, mended where that is needed and the seed dialect allows it."""
    if not source.problems and not _is_starred(source):
        yield source, None
        return
    written = DIALECT.search(source.document)
    if (written[1] if written else outside.dialect) == "kestra":
        yield source, None
        return
    from . import mend as mending  # most texts need none of it

    pieces = []
    for number, (part, start) in enumerate(mending.split(source, line)):
        piece = sources.read(source.text, source.name, part, start)
        if piece.problems or _is_starred(piece):
            mended = mending.mend(piece, start)
            if mended is None:
                yield source, None
                return
            piece = mended
        if number:
            said = "Mended while reading: a second flow starts here, without a line of ---"
            piece.problems.append(Problem.warning(said, piece.span(("id",), "key")))
        pieces.append(piece)
    seed = len(pieces) > 1 or any(
        _dialect(piece, outside) == "seed" for piece in pieces if isinstance(piece.value, dict)
    )
    if seed:
        yield from ((piece, "seed") for piece in pieces)
    else:
        yield source, None


def _is_starred(source: Source) -> bool:
    if "\\*" not in source.document or not isinstance(source.value, dict):
        return False
    from .mend import starred

    return bool(starred(copy.deepcopy(source.value)))


def _dialect(source: Source, outside: _Outside, tasks: list[Entry] | None = None) -> Dialect:
    if "dialect" not in source.value and outside.dialect in ("kestra", "seed"):
        return "seed" if outside.dialect == "seed" else "kestra"
    tasks = list(entries(source.value)) if tasks is None else tasks
    return detect(source.value, tasks, source.document, structural=source.is_template)


def _examine(
    source: Source, dialect: Dialect | None, outside: _Outside
) -> tuple[Flow | None, tuple[Problem, ...]]:
    tree = source.value
    if source.is_broken or not isinstance(tree, dict):
        if not any(problem.is_error for problem in source.problems):
            said = "nothing stands here" if tree is None else "a map with id and tasks is expected"
            hint = "A flow starts like this: id: my-flow"
            source.problems.append(
                Problem.error(f"{sources.ILLEGAL} {said}", source.span() or Span(1, 1), hint)
            )
        return None, tuple(source.problems)
    tasks = list(entries(tree))
    dialect = dialect or _dialect(source, outside, tasks)
    if dialect == "seed" and _is_starred(source):
        from .mend import starred

        said = r"Mended while reading: \* in a cron is written as *"
        for number in starred(tree):
            place = source.span(("triggers", number, "cron"))
            source.problems.append(Problem.warning(said, place))
    reading = Reading(source, tree, dialect, tasks, problems=list(source.problems))
    check(reading)
    _validate(reading, outside)
    problems = sorted(reading.problems, key=lambda p: (p.line or 0, p.column or 0))
    if reading.flow is None or any(problem.is_error for problem in problems):
        return None, tuple(problems)
    flow = placed(
        reading.flow,
        source=source.document,
        name=source.name,
        folder=outside.folder,
        holes=reading.holes,
    )
    return flow, tuple(problems)


def _validate(reading: Reading, outside: _Outside) -> None:
    """Read the document as a flow; in the seed dialect unknown properties are left out."""
    tree = _without_nulls(reading)
    if outside.namespace is not None and tree.get("namespace") is None:
        tree["namespace"] = outside.namespace
    tree["dialect"] = reading.dialect
    tree = apply(tree, [own_defaults(tree), *outside.defaults])
    if isinstance(tree.get("taskDefaults"), list) and "pluginDefaults" not in tree:
        tree["pluginDefaults"] = tree["taskDefaults"]
    for _ in range(MAX_ROUNDS):
        try:
            reading.flow = Flow.model_validate(tree, context={"dialect": reading.dialect})
            return
        except ValidationError as error:
            unknown = unknown_fields(error, tree) if reading.is_seed else []
            for path in unknown:
                reading.add([_ignored(reading, tree, path)])
                tree = _removed(tree, path)
            if not unknown:
                reading.add(explain(error, tree, reading.source, Flow))
                return


def _ignored(reading: Reading, tree: Json, path: Path) -> Problem:
    message, hint = unrecognized(str(path[-1]), model_at(path[:-1], tree, Flow))
    said = f"{message.partition(', not marked')[0]}: ignored"
    return Problem.warning(said, reading.span(path, "key"), hint, write_path(path))


def _removed(tree: dict[str, Any], path: Path) -> dict[str, Any]:
    """The tree without one key; what leads there is copied."""
    tree = tree.copy()
    node: Any = tree
    for step in path[:-1]:
        node[step] = node[step].copy()
        node = node[step]
    node.pop(path[-1], None)
    return tree


def _without_nulls(reading: Reading) -> dict[str, Any]:
    """The values for the model: a property left empty counts as absent."""
    # (plugin defaults come after, so that an empty property takes its default)
    tree = _bare(reading.tree)
    for path, node in [
        *((entry.path, entry.node) for entry in reading.tasks),
        *(item for key in ("inputs", "triggers", "outputs") for item in named(reading.tree, key)),
    ]:
        if None in node.values():
            node = _bare(node)
            _put(tree, path, node)
        if "when" in node and "runIf" in node:  # said by a check if they differ
            _put(tree, path, {key: value for key, value in node.items() if key != "when"})
    return tree


def _bare(node: Mapping[str, Json]) -> dict[str, Json]:
    bare = {key: value for key, value in node.items() if value is not None}
    return {**bare, "tasks": []} if "tasks" in node and "tasks" not in bare else bare


def _put(tree: dict[str, Any], path: Path, value: Json) -> None:
    """Set a value deep inside, copying what leads there so that the text's values stay."""
    node: Any = tree
    for step in path[:-1]:
        node[step] = node[step].copy()
        node = node[step]
    node[path[-1]] = value

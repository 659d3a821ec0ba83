"""Rules about the conditions of listeners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..kinds.dynamic import Json
from ..kinds.find import index
from ..problems import Problem
from .conditions import as_template, kind_of
from .messages import did_you_mean
from .reading import Reading
from .source import Path, write_path

PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "Execution": ("states", "namespace", "flowId", "labels"),
    "ExecutionFlow": ("namespace", "flowId"),
    "ExecutionLabels": ("labels",),
    "ExecutionNamespace": ("namespace",),
    "ExecutionStatus": ("in", "notIn"),
    "Not": ("conditions",),
    "Or": ("conditions",),
}
"""What the conditions of a listener ask about the execution."""


def conditions(reading: Reading) -> Iterator[Problem]:
    """A listener's conditions are of kinds that look at the execution that has ended."""
    given = reading.tree.get("listeners")
    for number, listener in enumerate(given if isinstance(given, list) else ()):
        if isinstance(listener, Mapping):
            yield from _all(reading, listener, ("listeners", number))


def _all(reading: Reading, holder: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    given = holder.get("conditions")
    for number, condition in enumerate(given if isinstance(given, list) else ()):
        if isinstance(condition, Mapping) and condition.get("type") is not None:
            place = (*path, "conditions", number)
            yield from _condition(reading, condition, place)
            yield from _all(reading, condition, place)


def _condition(reading: Reading, condition: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    kind = kind_of(condition)
    if kind not in PROPERTIES:
        if as_template(condition) is None:
            yield _strange(reading, str(condition["type"]), (*path, "type"))
        return
    for key in condition:
        if key not in ("type", "description", *PROPERTIES[kind]):
            said = f'{write_path(path)}: Unrecognized field "{key}"'
            yield reading.error(said, (*path, key), did_you_mean(key, PROPERTIES[kind]))


def _strange(reading: Reading, name: str, path: Path) -> Problem:
    if name in index()["known"]["condition"]:
        return reading.warning(f"{write_path(path)}: {name} never holds in a listener", path)
    hint = did_you_mean(name.rpartition(".")[2], PROPERTIES)
    return reading.error(f"Invalid type: {name}", path, hint)

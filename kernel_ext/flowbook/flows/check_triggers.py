"""Rules about triggers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..kinds.dynamic import Json
from ..kinds.find import canonical
from ..kinds.task import TASK_ID
from ..problems import Problem
from .check_inputs import declared_inputs
from .check_tasks import of_type
from .reading import Reading
from .source import write_path

PREFIX = "io.kestra.plugin.core.trigger."
TRIGGER = re.compile(TASK_ID)


def ids_and_types(reading: Reading) -> Iterator[Problem]:
    """Every trigger has a well-formed id and a type that somebody knows."""
    for path, item in reading.named("triggers"):
        name = item.get("id")
        if name is None:
            yield reading.error(f"{write_path(path)}.id: must not be null", path)
        elif not TRIGGER.fullmatch(str(name)):
            said = f'{write_path(path)}.id: must match "{TASK_ID.removesuffix("$")}"'
            yield reading.error(said, (*path, "id"))
        if item.get("type") is None:
            yield reading.error(f"{write_path(path)}.type: must not be null", path)
        else:
            yield from of_type(reading, "trigger", str(item["type"]), (*path, "type"))


def every_execution(reading: Reading) -> Iterator[Problem]:
    """A Flow trigger that nothing narrows fires for everything."""
    for path, item in reading.named("triggers"):
        narrowed = any(
            item.get(key) for key in ("conditions", "preconditions", "dependsOn", "when")
        )
        if _kind(item) == "Flow" and not narrowed:
            yield reading.warning(
                "This flow will be triggered for EVERY execution of EVERY flow on your instance. "
                "We recommend adding the preconditions property to the Flow trigger "
                f"'{item.get('id')}'.",
                path,
            )


def missing_inputs(reading: Reading) -> Iterator[Problem]:
    """A Schedule or Webhook must give every required input without a default."""
    needed = [
        name
        for _, item, name in declared_inputs(reading)
        if item.get("required") is not False and item.get("defaults") is None
    ]
    for path, item in reading.named("triggers"):
        given = item.get("inputs")
        names = set(given) if isinstance(given, Mapping) else set()
        names |= {f"{group}.{name}" for group in names for name in _keys(given, group)}
        kind = _kind(item)
        missing = [name for name in needed if name not in names]
        if kind in {"Schedule", "Webhook"} and missing:
            yield reading.warning(
                f"Missing inputs for {kind} Trigger '{item.get('id')}', "
                f"missing inputs: '{', '.join(missing)}'",
                path,
                "Give them under `inputs` of the trigger, or `defaults` to the inputs.",
            )


def webhooks(reading: Reading) -> Iterator[Problem]:
    """A webhook has no window of several events."""
    for path, item in reading.named("triggers"):
        conditions = item.get("conditions")
        for condition in conditions if isinstance(conditions, list) else ():
            kind = str(condition.get("type", "")) if isinstance(condition, Mapping) else ""
            if _kind(item) == "Webhook" and kind.endswith(".MultipleCondition"):
                yield reading.error(
                    "invalid webhook: conditions of type MultipleCondition are not supported",
                    (*path, "conditions"),
                )


def backfills(reading: Reading) -> Iterator[Problem]:
    """Dates in the past aren't made up for because a text says so."""
    for path, item in reading.named("triggers"):
        for key in ("backfill", "backfills"):
            if item.get(key) is not None:
                said = f"{write_path((*path, key))}: ignored unless flowbook.triggers.yaml-backfill is on"
                yield reading.warning(said, (*path, key))


def _keys(given: Json, group: str) -> list[str]:
    inside = given[group]
    return list(inside) if isinstance(inside, Mapping) else []


def _kind(item: Mapping[str, Json]) -> str:
    name = str(item.get("type"))
    return (canonical("trigger", name) or name).removeprefix(PREFIX)


CHECKS = (ids_and_types, every_execution, missing_inputs, webhooks, backfills)

"""Rules across a flow, one function each; they read what is written, so they hold for broken flows too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from ..kinds.dynamic import Json, holds_template
from ..kinds.task import TASK_ID
from ..problems import Problem
from . import (
    check_flow_triggers,
    check_inputs,
    check_listeners,
    check_schedules,
    check_tasks,
    check_triggers,
    references,
)
from .defaults import check_defaults
from .reading import Reading
from .source import Path, write_path

Check: TypeAlias = Callable[[Reading], Iterator[Problem]]

TASK = re.compile(TASK_ID)
DRAFT = "missing, the flow is a draft and cannot be run"
RESERVED = frozenset(
    [
        "pause",
        "resume",
        "force-run",
        "change-status",
        "kill",
        "executions",
        "search",
        "source",
        "disable",
        "enable",
    ]
)
EMPTY_OR_OWN_WORDS = (".Dag", ".WorkingDirectory", ".Pause")
"""Types whose list may be empty, or that say so in words of their own."""
LABEL_KEY = re.compile(r"[a-z][\w.-]*")
REMOVED_ROOTS = ("pluginDefaults", "taskDefaults", "listeners")


def holes(reading: Reading) -> Iterator[Problem]:
    """What a skeleton still lacks; such a flow is a draft."""
    if "tasks" not in reading.tree:
        reading.holes.append(f"tasks: {DRAFT}")
        yield reading.warning(f"tasks: {DRAFT}", ())
    for entry in reading.tasks:
        if entry.type is None:
            where = f"{write_path(entry.path)}.type"
            reading.holes.append(f"{where}: {DRAFT}")
            yield Problem.warning(
                f"{where}: {DRAFT}", reading.span((*entry.path, "id"), "value"), path=where
            )


def empty_lists(reading: Reading) -> Iterator[Problem]:
    """A list of tasks without any, at the root or in a task that holds others."""
    if "tasks" in reading.tree and reading.tree["tasks"] in (None, []):
        yield reading.error("tasks: must not be empty", ("tasks",))
    for entry in reading.tasks:
        if "tasks" in entry.node and entry.node["tasks"] in (None, []):
            if not (entry.type or "").endswith(EMPTY_OR_OWN_WORDS):
                path = (*entry.path, "tasks")
                yield reading.error(f"{write_path(path)}: must not be empty", path)


def task_ids(reading: Reading) -> Iterator[Problem]:
    """Ids are there and well formed; a template is one inside an iteration only."""
    for entry in reading.tasks:
        path = (*entry.path, "id")
        if entry.id is None:
            yield reading.error(f"{write_path(path)}: must not be null", path)
        elif "{{" in entry.id and reading.is_seed:
            continue
        elif not TASK.fullmatch(entry.id):
            said = f'{write_path(path)}: must match "{TASK_ID.removesuffix("$")}"'
            yield reading.error(said, path)
        elif len(entry.id) > 256:
            yield reading.error(f"{write_path(path)}: size must be between 1 and 256", path)


def duplicate_tasks(reading: Reading) -> Iterator[Problem]:
    """Two tasks share an id, anywhere in the flow."""
    written = [((*entry.path, "id"), entry.id) for entry in reading.tasks]
    found = [(path, name) for path, name in written if name and "{{" not in name]
    yield from _duplicates(reading, found, "Duplicate task id with name [{}]", "task")


def duplicate_others(reading: Reading) -> Iterator[Problem]:
    """Two triggers, inputs or outputs share an id."""
    for key, word in (
        ("triggers", "Duplicate trigger id"),
        ("inputs", "Duplicate input"),
        ("outputs", "Duplicate output"),
    ):
        found = [
            ((*path, "id" if "id" in item else "name"), str(item.get("id", item.get("name"))))
            for path, item in reading.named(key)
            if item.get("id", item.get("name")) is not None
        ]
        yield from _duplicates(reading, found, word + " with name [{}]", key.removesuffix("s"))


def _duplicates(
    reading: Reading, found: Iterable[tuple[Path, str]], message: str, word: str
) -> Iterator[Problem]:
    first: dict[str, Path] = {}
    for path, name in found:
        if (other := first.setdefault(name, path)) is not path:
            span = reading.span(other)
            hint = f"'{name}' is also the id of the {word} on line {span.line}." if span else None
            yield reading.error(message.format(name), path, hint)


def labels(reading: Reading) -> Iterator[Problem]:
    """Keys that only the engine sets, and keys that Kestra 2.0 refuses."""
    for path, key, value in _label_items(reading.tree.get("labels")):
        shown = str(value).lower() if isinstance(value, bool) else value
        if key.startswith("system.") and key != "system.readOnly":
            yield reading.error(
                f"System labels can only be set by Kestra itself, offending label: {key}={shown}",
                path,
            )
        elif not key:
            yield reading.error("labels: a key must not be blank", path)
        elif not LABEL_KEY.fullmatch(key):
            said = f"labels: Kestra 2.0 refuses the key '{key}', it must start with a lower-case letter"
            yield reading.warning(f"{said} and hold letters, digits, '.', '_' and '-' only", path)


def _label_items(written: Json) -> Iterator[tuple[Path, str, Json]]:
    if isinstance(written, Mapping):
        for key, value in written.items():
            yield ("labels", key), key, value
    elif isinstance(written, list):
        for index, item in enumerate(written):
            if isinstance(item, Mapping) and isinstance(item.get("key"), str):
                yield ("labels", index, "key"), item["key"], item.get("value")


def root(reading: Reading) -> Iterator[Problem]:
    """Properties of the flow itself that need a word."""
    tree = reading.tree
    if isinstance(tree.get("id"), str) and tree["id"] in RESERVED:
        said = f"id: '{tree['id']}' is reserved since Kestra 1.0, it is also the name of a route"
        yield reading.warning(said, ("id",), f"Another one would be {tree['id']}-flow.")
    for key in ("quotas", "policyRefs"):
        if key in tree:
            yield reading.info(f"{key}: an Enterprise feature, accepted and left alone", (key,))
    for key in REMOVED_ROOTS:
        if key in tree:
            yield _removed(reading, key, (key,))
    variables = tree.get("variables")
    for key, value in variables.items() if isinstance(variables, Mapping) else ():
        if value == "REQUIRED":
            said = f"variables.{key}: REQUIRED must be replaced by a value before the flow is run"
            yield reading.warning(said, ("variables", key))


def _removed(reading: Reading, name: str, path: Path) -> Problem:
    return Problem.info(
        f"{name} is not supported by Kestra 2.0, flowbook runs it",
        reading.span(path, "key"),
        path=write_path(path),
    )


def slas(reading: Reading) -> Iterator[Problem]:
    """Each kind of SLA has its own property."""
    for path, item in reading.named("sla"):
        kind = str(item.get("type", "")).rpartition(".")[2].upper()
        needed = {"MAX_DURATION": "duration", "EXECUTION_ASSERTION": "assert"}.get(kind)
        if needed and item.get(needed) is None:
            yield reading.error(f"{write_path((*path, needed))}: must not be null", path)


def secrets(reading: Reading) -> Iterator[Problem]:
    """A password or key written as plain text."""
    for entry in reading.tasks:
        for key, value in entry.node.items():
            if (
                isinstance(value, str)
                and SECRET_KEY.search(key)
                and value.strip()
                and not holds_template(value)
            ):
                path = (*entry.path, key)
                said = f"{write_path(path)}: a secret stands here in plain text"
                yield reading.warning(said, path, "Write {{ secret('NAME') }} instead.")


SECRET_KEY = re.compile(
    r"(?:^|[a-z])(?:[Pp]assword|[Pp]assphrase|[Ss]ecretKey|[Pp]rivateKey|[Aa]piKey)$"
)

CHECKS: tuple[Check, ...] = (
    holes,
    empty_lists,
    task_ids,
    duplicate_tasks,
    duplicate_others,
    labels,
    root,
    slas,
    secrets,
    check_defaults,
    *check_tasks.CHECKS,
    *check_inputs.CHECKS,
    *check_triggers.CHECKS,
    *check_flow_triggers.CHECKS,
    *check_schedules.CHECKS,
    check_listeners.conditions,
    references.expressions,
)


def check(reading: Reading) -> None:
    """Run every rule over a document."""
    for rule in CHECKS:
        reading.add(rule(reading))

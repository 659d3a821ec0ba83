"""Rules about Flow triggers: what they wait for, and within which time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from ..errors import ExpressionError
from ..kinds.durations import parse_duration
from ..kinds.dynamic import Json
from ..kinds.find import canonical
from ..kinds.state import State
from ..problems import Problem
from .conditions import FLOW_TRIGGER, as_template, kind_of
from .messages import did_you_mean
from .reading import Reading
from .source import Path, write_path

FIELDS = {
    "window": "window",
    "windowAdvance": "window advance",
    "deadline": "deadline",
    "startTime": "start time",
    "endTime": "end time",
}
"""The fields of a `timeWindow`, in words."""
TAKES: Mapping[str, frozenset[str]] = {
    "DURATION_WINDOW": frozenset({"window", "windowAdvance"}),
    "SLIDING_WINDOW": frozenset({"window"}),
    "DAILY_TIME_WINDOW": frozenset({"startTime", "endTime"}),
    "DAILY_TIME_DEADLINE": frozenset({"deadline"}),
}
NEEDS = frozenset({"startTime", "endTime", "deadline"})
"""Fields without a default."""
CONDITIONS = (
    *("Execution", "ExecutionFlow", "ExecutionLabels", "ExecutionNamespace", "ExecutionOutputs"),
    *("ExecutionStatus", "Expression", "HasRetryAttempt", "MultipleCondition", "Not", "Or"),
)
"""The conditions about an execution, for hints."""
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "ExecutionFlow": ("namespace", "flowId"),
    "ExecutionLabels": ("labels",),
    "ExecutionNamespace": ("namespace",),
    "ExecutionOutputs": ("expression",),
    "Expression": ("expression",),
    "Multiple": ("id", "conditions"),
    "Not": ("conditions",),
    "Or": ("conditions",),
}
"""What conditions can't be without."""
KNOWN = {name.removesuffix("Condition") for name in CONDITIONS} | {"Flow", "FlowNamespace"}


def dependencies(reading: Reading) -> Iterator[Problem]:
    """`dependsOn`, its mode and its window fit together."""
    for path, item in flow_triggers(reading):
        entries = item.get("dependsOn")
        if entries and item.get("preconditions"):
            yield reading.error(
                "dependsOn and preconditions cannot be combined",
                (*path, "preconditions"),
                "dependsOn has taken the place of preconditions: keep one of them.",
            )
        count = len(entries) if isinstance(entries, list) else 0
        least = item.get("minSatisfied")
        if str(item.get("mode")).upper() == "AT_LEAST":
            if not (isinstance(least, int) and 1 <= least <= count):
                place = (*path, "mode" if least is None else "minSatisfied")
                yield reading.error(f"minSatisfied must be between 1 and {count}", place)
        if isinstance(window := item.get("window"), Mapping):
            yield from _window(reading, window, (*path, "window"))
        yield from _on_miss(reading, item, path)


def _window(reading: Reading, window: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    chosen = [key for key in ("deadline", "every", "lookback") if window.get(key) is not None]
    ends = [key for key in ("from", "to") if window.get(key) is not None]
    whole = len(chosen) + bool(ends) == 1 and len(ends) != 1
    if not whole or (window.get("offset") is not None and chosen != ["every"]):
        said = "window must define exactly one of deadline, from/to, every, lookback"
        hint = "`from` goes with `to`, and `offset` with `every` only."
        yield reading.error(said, path, hint)


def _on_miss(reading: Reading, item: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    window = item.get("window")
    ends = isinstance(window, Mapping) and any(
        window.get(key) is not None for key in ("deadline", "to", "every")
    )
    if item.get("onMiss") is not None and not (item.get("dependsOn") and ends):
        said = f"{write_path((*path, 'onMiss'))}: nothing can be missed without a window that ends"
        hint = "Give dependsOn and a window with deadline, from and to, or every."
        yield reading.warning(said, (*path, "onMiss"), hint)


def preconditions(reading: Reading) -> Iterator[Problem]:
    """Preconditions name what they wait for, and their time window has the fields of its type."""
    for path, item in flow_triggers(reading):
        given = item.get("preconditions")
        if not isinstance(given, Mapping):
            continue
        here = (*path, "preconditions")
        if not given.get("flows") and not given.get("where"):
            yield reading.error(f"{write_path(here)}: flows or where must not be empty", here)
        if isinstance(window := given.get("timeWindow"), Mapping):
            yield from _time_window(reading, window, (*here, "timeWindow"))
        for place, one in _listed(given.get("where"), (*here, "where")):
            for at, test in _listed(one.get("filters"), (*place, "filters")):
                yield from _filter(reading, test, at)


def _time_window(reading: Reading, window: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    kind = str(window.get("type") or "DURATION_WINDOW").upper()
    if kind not in TAKES:
        return
    for key, words in FIELDS.items():
        given = window.get(key) is not None
        if given and key not in TAKES[kind]:
            said = f"Time window of type `{kind}` cannot have a {words}."
            yield reading.error(said, (*path, key))
        elif not given and key in TAKES[kind] & NEEDS:
            yield reading.error(f"Time window of type `{kind}` must have a {words}.", path)


def _filter(reading: Reading, test: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    kind, field = str(test.get("type")).upper(), str(test.get("field")).upper()
    alone = kind.startswith("IS_") and field != "EXPRESSION"
    needed = "values" if kind in ("IN", "NOT_IN") else "value"
    if test.get(needed) is None and not alone and kind != "NONE":
        yield reading.error(f"{write_path((*path, needed))}: must not be null", path)
    elif kind == "REGEX" and field != "EXPRESSION":
        from ..expressions.patterns import compiled

        try:
            compiled(str(test["value"]))
        except ExpressionError as error:
            yield reading.error(str(error), (*path, "value"))


def conditions(reading: Reading) -> Iterator[Problem]:
    """Conditions are of kinds that look at an execution, states are states, windows have their fields."""
    for path, item in flow_triggers(reading):
        yield from _states(reading, item.get("states"), (*path, "states"))
        for place, one in _listed(item.get("conditions"), (*path, "conditions")):
            yield from _condition(reading, one, place)


def _states(reading: Reading, states: Json, path: Path) -> Iterator[Problem]:
    for index, state in enumerate(states if isinstance(states, list) else ()):
        if str(state).upper() == "CREATED":
            said = f"{write_path((*path, index))}: a Flow trigger never looks at CREATED executions"
            yield reading.warning(said, (*path, index))


def _condition(reading: Reading, one: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    if one.get("type") is None:
        yield reading.error(f"{write_path(path)}.type: must not be null", path)
        return
    missing = [key for key in REQUIRED.get(kind_of(one), ()) if one.get(key) is None]
    for key in missing:
        yield reading.error(f"{write_path((*path, key))}: must not be null", path)
    if not missing and kind_of(one) not in KNOWN and as_template(one) is None:
        kind = str(one["type"]).rpartition(".")[2]
        said = f"{write_path((*path, 'type'))}: '{kind}' is no condition of a Flow trigger"
        yield reading.error(said, (*path, "type"), did_you_mean(kind, CONDITIONS))
    for key in ("in", "notIn", "states"):
        given = one.get(key)
        for index, state in enumerate(given if isinstance(given, list) else ()):
            if str(state).upper() not in State.__members__:
                place = (*path, key, index)
                hint = did_you_mean(str(state), State.__members__)
                yield reading.error(f"{write_path(place)}: '{state}' is no state", place, hint)
    if kind_of(one) == "Multiple":
        yield from _multiple(reading, one, path)
    inner = one.get("conditions")
    if isinstance(inner, Mapping):
        for name, each in inner.items():
            if isinstance(each, Mapping):
                yield from _condition(reading, each, (*path, "conditions", name))
    for place, each in _listed(inner, (*path, "conditions")):
        yield from _condition(reading, each, place)


def _multiple(reading: Reading, one: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    """The window of a `MultipleCondition`, which may stand beside its conditions."""
    window, here = one.get("timeWindow"), (*path, "timeWindow")
    if not isinstance(window, Mapping):
        window, here = {key: one.get(key) for key in ("window", "windowAdvance")}, path
    yield from _time_window(reading, window, here)
    for key in ("window", "windowAdvance"):
        try:
            length = parse_duration(window[key]) if window.get(key) is not None else None
        except ValueError as error:
            yield reading.error(str(error), (*here, key))
        else:
            if key == "window" and length is not None and length <= timedelta(0):
                yield reading.error(
                    f"{write_path((*here, key))}: must be longer than 0", (*here, key)
                )


def flow_triggers(reading: Reading) -> Iterator[tuple[Path, Mapping[str, Json]]]:
    """The Flow triggers of a document, each with its place."""
    for path, item in reading.named("triggers"):
        name = str(item.get("type"))
        if (canonical("trigger", name) or name) == FLOW_TRIGGER:
            yield path, item


def _listed(given: Json, path: Path) -> Iterator[tuple[Path, Mapping[str, Json]]]:
    for index, each in enumerate(given if isinstance(given, list) else ()):
        if isinstance(each, Mapping):
            yield (*path, index), each


CHECKS = (dependencies, preconditions, conditions)

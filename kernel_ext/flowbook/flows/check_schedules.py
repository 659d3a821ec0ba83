"""Rules about the conditions of triggers that are due at dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, time

from ..kinds.dynamic import Json, holds_template
from ..kinds.find import find, index
from ..kinds.trigger import TimedTrigger
from ..problems import Problem
from .conditions import OF_DATES, kind_of
from .messages import did_you_mean, near_type
from .reading import Reading
from .source import Path, write_path

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
POSITIONS = ("FIRST", "SECOND", "THIRD", "FOURTH", "LAST")
NEEDED: Mapping[str, tuple[str, ...]] = {
    "DayWeek": ("dayOfWeek",),
    "DayWeekInMonth": ("dayOfWeek", "dayInMonth"),
    "Expression": ("expression",),
    "Not": ("conditions",),
    "Or": ("conditions",),
}
WORDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "dayOfWeek": ("day of the week", DAYS),
    "dayInMonth": ("position in a month", POSITIONS),
}
BOUNDS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "DateTimeBetween": (datetime.fromisoformat, "a date and time, like 2026-12-24T18:00:00Z"),
    "TimeBetween": (time.fromisoformat, "a time of day, like 16:30:00+02:00"),
}


def conditions(reading: Reading) -> Iterator[Problem]:
    """Conditions of a schedule are of kinds that a date can meet, and have what they need."""
    for path, item in reading.named("triggers"):
        part = find("trigger", str(item.get("type")))
        if part is not None and issubclass(part, TimedTrigger):
            for key in ("conditions", "scheduleConditions"):
                yield from _listed(reading, item.get(key), (*path, key))


def _listed(reading: Reading, given: Json, path: Path) -> Iterator[Problem]:
    if given is None:
        return
    if not isinstance(given, list):
        yield reading.error(f"{write_path(path)}: must be a list of conditions", path)
        return
    for number, condition in enumerate(given):
        place = (*path, number)
        if not isinstance(condition, Mapping) or condition.get("type") is None:
            hint = "A condition starts like this: type: io.kestra.plugin.core.condition.Weekend"
            yield reading.error(f"{write_path(place)}.type: must not be null", place, hint)
        else:
            yield from _condition(reading, condition, place)


def _condition(reading: Reading, condition: Mapping[str, Json], path: Path) -> Iterator[Problem]:
    name, kind = str(condition["type"]), kind_of(condition)
    known = index()["known"]["condition"]
    if not any(f".{each}".endswith(f".{name}") for each in known):
        hint = near_type("condition", name)
        yield reading.error(f"Invalid type: {name}", (*path, "type"), hint)
        return
    if kind not in OF_DATES:
        said = f"{write_path(path)}: {kind} says nothing about a date, it is left out"
        yield reading.warning(said, (*path, "type"), f"A schedule takes {', '.join(OF_DATES)}.")
        return
    if kind == "ExecutionOutputs":
        said = f"{write_path(path)}: a schedule has no execution before it, so this never holds"
        yield reading.warning(said, (*path, "type"))
    for key in NEEDED.get(kind, ()):
        if condition.get(key) is None:
            yield reading.error(f"{write_path((*path, key))}: must not be null", path)
    yield from _values(reading, condition, kind, path)
    if kind in {"Not", "Or"}:
        yield from _listed(reading, condition.get("conditions"), (*path, "conditions"))


def _values(
    reading: Reading, condition: Mapping[str, Json], kind: str, path: Path
) -> Iterator[Problem]:
    for key, (what, words) in WORDS.items():
        given = condition.get(key)
        if key in NEEDED.get(kind, ()) and given is not None and not holds_template(given):
            if str(given).upper() not in words:
                place = (*path, key)
                hint = did_you_mean(str(given), words) or f"There are {', '.join(words)}."
                yield reading.error(f"{write_path(place)}: '{given}' is no {what}", place, hint)
    if kind not in BOUNDS:
        return
    read, like = BOUNDS[kind]
    ends = {key: condition[key] for key in ("after", "before") if condition.get(key) is not None}
    if not ends:
        hint = "Each date gives a FAILED execution that says so."
        yield reading.warning("Invalid condition with no before nor after", path, hint)
    for key, given in ends.items():
        if not holds_template(given) and not _reads(read, str(given)):
            place = (*path, key)
            yield reading.error(f"{write_path(place)}: '{given}' is not {like}", place)


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


CHECKS = (conditions,)

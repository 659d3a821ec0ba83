"""Which executions a request means: the plain parameters, and `filters[field][OPERATION]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import tornado.web as web

from flowbook.engine.bulk import Query
from flowbook.kinds.durations import parse_duration
from flowbook.kinds.state import State

WRITTEN = re.compile(r"^filters\[(\w+)\]\[(\w+)\](?:\[(.+)\])?$")
EQUAL = ("EQUALS",)
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "q": EQUAL,
    "namespace": ("EQUALS", "PREFIX", "STARTS_WITH"),
    "flowId": EQUAL,
    "state": ("EQUALS", "IN", "NOT_EQUALS", "NOT_IN"),
    "labels": EQUAL,
    "startDate": ("GREATER_THAN", "GREATER_THAN_OR_EQUAL_TO"),
    "endDate": ("LESS_THAN", "LESS_THAN_OR_EQUAL_TO"),
    "timeRange": EQUAL,
}
"""The operations on each field."""


def query(arguments: Mapping[str, list[str]]) -> Query:
    """What the parameters of a request ask for, all of them together. Raises: HTTPError."""
    said: dict[str, list[str]] = {
        name: values for name, values in arguments.items() if name in OPERATIONS
    }
    excluded: list[str] = []
    for name, values in arguments.items():
        if name.startswith("filters["):
            field, operation, values = _filter(name, values)
            negative = operation.startswith("NOT_")
            (excluded if negative else said.setdefault(field, [])).extend(values)
    return Query(
        namespace=_last(said, "namespace"),
        flow_id=_last(said, "flowId"),
        states=_states(said.get("state", []), excluded),
        labels=pairs(said.get("labels", [])),
        since=_since(said),
        until=_moment(said, "endDate"),
        q=_last(said, "q"),
    )


def _filter(name: str, values: list[str]) -> tuple[str, str, list[str]]:
    found = WRITTEN.match(name)
    if found is None:
        raise web.HTTPError(422, f"'{name}' is no filter: write filters[field][OPERATION]=value")
    field, operation, key = found.groups()
    if field not in OPERATIONS:
        raise web.HTTPError(
            422, f"There is no filter '{field}'; there are: {', '.join(OPERATIONS)}"
        )
    if operation not in OPERATIONS[field]:
        known = ", ".join(OPERATIONS[field])
        raise web.HTTPError(422, f"Filter '{field}' has no operation '{operation}'; it has {known}")
    if field == "labels":
        if not key:
            raise web.HTTPError(422, "A filter of labels is filters[labels][EQUALS][key]=value")
        values = [f"{key}:{value}" for value in values]
    return field, operation, values


def pairs(given: list[str]) -> dict[str, str]:
    """`key:value` texts as a mapping. Raises: HTTPError."""
    found = {}
    for pair in given:
        key, colon, value = pair.partition(":")
        if not colon or not key:
            raise web.HTTPError(422, f"A label is key:value, but got '{pair}'")
        found[key] = value
    return found


def _states(given: list[str], excluded: list[str]) -> list[str] | None:
    wanted, unwanted = _names(given), _names(excluded)
    if not wanted and not unwanted:
        return None
    chosen = wanted or [state.value for state in State]
    return [name for name in chosen if name not in unwanted]


def _names(given: list[str]) -> list[str]:
    names = [name.upper() for part in given for name in part.split(",") if name]
    known = {state.value for state in State}
    if unknown := [name for name in names if name not in known]:
        raise web.HTTPError(422, f"There is no state {', '.join(unknown)}")
    return names


def _since(said: Mapping[str, list[str]]) -> datetime | None:
    length = _last(said, "timeRange")
    if length is None:
        return _moment(said, "startDate")
    if "startDate" in said:
        raise web.HTTPError(422, "Parameters 'startDate' and 'timeRange' are mutually exclusive")
    since: datetime = datetime.now(UTC) - _read(parse_duration, length)
    return since


def _moment(said: Mapping[str, list[str]], name: str) -> datetime | None:
    text = _last(said, name)
    if text is None:
        return None
    found: datetime = _read(datetime.fromisoformat, text.replace(" ", "+"))
    return found if found.tzinfo else found.astimezone()


def _read(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise web.HTTPError(422, str(error)) from None


def _last(said: Mapping[str, list[str]], name: str) -> str | None:
    values = said.get(name) or [""]
    return values[-1] or None

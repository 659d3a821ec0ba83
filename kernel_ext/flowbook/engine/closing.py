"""What one execution keeps from being shown.

Theory of operation: in memory an execution holds its values as they are; expressions, tasks and the machine
see nothing else. On its way to the history everything passes here. In events, which are for going through
again, a value with a secret in it is closed whole by the workspace's key, with the secrets it holds
beside it, so whoever opens it knows them too. In rows, which are for reading, inputs and outputs are
closed the same way and texts are masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowbook.kinds.change import Change
from flowbook.kinds.dynamic import Json
from flowbook.store.rows import EventRow
from flowbook.workspace.masking import SHORTEST, STARS, Mask
from flowbook.workspace.secrets import is_sealed

if TYPE_CHECKING:
    from flowbook.flows.model import Flow
    from flowbook.workspace.secrets import Key

CLOSED = "closed"
"""Stands in an event's payload if something in it is."""
CARRIED = (
    *(
        "inputs",
        "variables",
        "trigger",
        "labels",
        "copied",
        "recorded",
        "answers",
        "outputs",
        "left",
    ),
    *("error", "message", "value", "edits"),
)
"""The fields of events that hold what flows and people say."""
SEALED: Mapping[str, tuple[str, ...]] = {
    "executions": ("inputs", "outputs", "variables", "trigger"),
    "outputs": ("outputs",),
}
"""Columns whose values are closed, by table."""
MASKED: Mapping[str, tuple[str, ...]] = {
    "executions": ("error", "labels"),
    "task_runs": ("value", "error", "progress"),
    "attempts": ("error", "rendered"),
    "outputs": ("value",),
}
"""Columns that are shown as they are, so their texts are masked."""


class Closing:
    """The secrets of one execution, and what is done about them."""

    def __init__(self, key: Callable[[], Key], values: Iterable[str] = ()) -> None:
        self._key = key
        self.values: set[str] = {value for value in values if value}
        self._mask = Mask()
        self._masked = 0
        self.groups: frozenset[str] = frozenset()
        """Inputs that only hold others: each of those is closed by itself."""

    def of_flow(self, flow: Flow) -> Closing:
        """Know the groups of a flow's inputs."""
        names = (each.id.split(".")[:-1] for each in flow.declared)
        self.groups = frozenset(".".join(path[: n + 1]) for path in names for n in range(len(path)))
        return self

    def remember(self, value: str) -> None:
        """A value that must not be shown from now on. Any thread."""
        if value:
            self.values.add(value)

    def learn(self, values: Iterable[str]) -> None:
        """Values that must not be shown from now on."""
        for value in tuple(values):  # another thread may find more meanwhile
            self.remember(value)

    def masked(self, text: str) -> str:
        return self._current().text(text) if self.values else text

    def masked_deep(self, value: Any) -> Any:
        return self._current().deep(value) if self.values else value

    def _current(self) -> Mask:
        if self._masked != len(self.values):
            values = frozenset(self.values)
            self._mask, self._masked = Mask(values), len(values)
        return self._mask

    def holds(self, value: Any) -> bool:
        """Whether a secret is in a value; one too short to be looked for must be the whole of a text."""
        if not self.values:
            return False
        return self._current().holds(value) or self._is_short(value)

    def _is_short(self, value: Any) -> bool:
        match value:
            case str():
                return len(value) < SHORTEST and value in self.values
            case Mapping():
                return any(self._is_short(item) for item in value.values())
            case list() | tuple():
                return any(self._is_short(item) for item in value)
            case _:
                return False

    # -- on the way to the history ---------------------------------------------------------------

    def value(self, value: Json) -> Json:
        """The value, closed if a secret is in it."""
        if not self.holds(value):
            return value
        known = tuple(self.values)
        inside = sorted(one for one in known if Closing(self._key, (one,)).holds(value))
        return self._key().seal(value, inside)

    def open(self, value: Json) -> Json:
        """A stored value as it was; the secrets in it are known from now on. Raises `FlowbookError`."""
        return self._key().open(value, self.remember)

    def values_of(self, values: Any, groups: Iterable[str] = ()) -> Any:
        """A map or list with each of its values closed that has a secret in it."""
        match values:
            case Mapping() if not any(self.holds(str(name)) for name in values):
                return {name: self._entry(str(name), item, groups) for name, item in values.items()}
            case list() | tuple():
                return [self.value(item) for item in values]
            case _:
                return self.value(values)

    def _entry(self, name: str, item: Json, groups: Iterable[str]) -> Json:
        if name in groups and isinstance(item, Mapping):
            inner = [g.removeprefix(f"{name}.") for g in groups if g.startswith(f"{name}.")]
            return self.values_of(item, inner)
        return self.value(item)

    def payload(self, payload: dict[str, Any]) -> dict[str, Any]:
        """An event's payload with what it carries closed."""
        if not self.values:
            return payload
        closed = {
            name: self.values_of(payload[name]) for name in CARRIED if self.holds(payload.get(name))
        }
        return {**payload, **closed, CLOSED: True} if closed else payload

    def events(self, rows: Sequence[EventRow]) -> list[EventRow]:
        if not self.values:
            return list(rows)
        return [
            EventRow(row.execution_id, row.ts, row.kind, self.payload(dict(row.payload)))
            for row in rows
        ]

    def rows(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        if not self.values:
            return tuple(changes)
        return tuple(
            Change(change.table, change.key, self.row(change.table, change.values))
            for change in changes
        )

    def row(self, table: str, values: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """A row as the history keeps it."""
        if values is None or not self.values:
            return None if values is None else dict(values)
        closed = dict(values)
        for name in SEALED.get(table, ()):
            if closed.get(name):
                groups = self.groups if name == "inputs" else ()
                closed[name] = self.values_of(closed[name], groups)
        for name in MASKED.get(table, ()):
            if closed.get(name):
                closed[name] = self.masked_deep(closed[name])
        return closed


def opened(key: Key, payload: Mapping[str, Any], learn: Callable[[str], None]) -> Mapping[str, Any]:
    """An event's payload as it was before it was closed. Raises `FlowbookError` without the key."""
    if not payload.get(CLOSED):
        return payload
    return {name: key.open(value, learn) for name, value in payload.items() if name != CLOSED}


def check_openable(key: Key, payloads: Iterable[Mapping[str, Any]]) -> None:
    """Raises `FlowbookError` if a closed payload is among these and the key doesn't fit."""
    closed = next((payload for payload in payloads if payload.get(CLOSED)), None)
    if closed is not None:
        opened(key, closed, lambda _: None)


def shown(value: Any) -> Any:
    """A stored value as people see it: stars for what is closed."""
    match value:
        case Mapping() if is_sealed(value):
            return STARS
        case Mapping():
            return {name: shown(item) for name, item in value.items()}
        case list() | tuple():
            return [shown(item) for item in value]
        case _:
            return value


def shown_row(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the history as people see it."""
    seen = dict(row)
    for name in SEALED.get(table, ()):
        if seen.get(name):
            seen[name] = shown(seen[name])
    return seen

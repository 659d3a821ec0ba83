"""When several events belong together: windows of time, and what has happened within one so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from .zones import zone

Bounds: TypeAlias = tuple[datetime, datetime]
"""Start and end of one window, in UTC; the end is outside."""
DAY = timedelta(days=1)
MIDNIGHT = time(0)


class Shape(StrEnum):
    """How windows lie in time."""

    EVERY = "every"
    """Blocks one after another, aligned to midnight."""
    DAILY = "daily"
    """From one time of day to another, each day."""
    LOOKBACK = "lookback"
    """The time before each event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The windows of one trigger."""

    shape: Shape
    length: timedelta = DAY
    """Of EVERY and LOOKBACK."""
    offset: timedelta = timedelta(0)
    """By how much blocks begin after midnight."""
    start: time = MIDNIGHT
    end: time = MIDNIGHT
    """Of DAILY; an end that isn't after the start is one of the next day."""
    timezone: str = "UTC"

    def around(self, moment: datetime) -> Bounds | None:
        """The window a moment lies in; `None` between two windows, and for LOOKBACK, which has none."""
        match self.shape:
            case Shape.EVERY:
                return self._block(moment)
            case Shape.DAILY:
                days = self._local(moment).date(), self._local(moment).date() - DAY
                found = (self._of_day(day) for day in days)
                return next((each for each in found if each[0] <= moment < each[1]), None)
            case Shape.LOOKBACK:
                return None

    def next_end(self, after: datetime) -> datetime:
        """The first end of a window later than `after`. Not for LOOKBACK."""
        if self.shape is Shape.EVERY:
            return self._block(after)[1]
        first = self._local(after).date() - DAY
        ends = (self._of_day(first + n * DAY)[1] for n in range(4))
        return next(end for end in ends if end > after)

    def _block(self, moment: datetime) -> Bounds:
        begin = datetime.combine(date(1970, 1, 1), MIDNIGHT) + self.offset
        number = (self._local(moment).replace(tzinfo=None) - begin) // self.length
        start = begin + number * self.length
        return self._aware(start), self._aware(start + self.length)

    def _of_day(self, day: date) -> Bounds:
        later = self.end <= self.start
        start = datetime.combine(day, self.start)
        return self._aware(start), self._aware(datetime.combine(day + later * DAY, self.end))

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(zone(self.timezone))

    def _aware(self, local: datetime) -> datetime:
        return local.replace(tzinfo=zone(self.timezone)).astimezone(UTC)

    def to_json(self) -> dict[str, Any]:
        """The window as it travels."""
        return {
            "shape": self.shape.value,
            "length": self.length.total_seconds(),
            "offset": self.offset.total_seconds(),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "timezone": self.timezone,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Window:
        return cls(
            shape=Shape(value["shape"]),
            length=timedelta(seconds=value["length"]),
            offset=timedelta(seconds=value["offset"]),
            start=time.fromisoformat(value["start"]),
            end=time.fromisoformat(value["end"]),
            timezone=value["timezone"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Several conditions of a trigger that are remembered until enough of them have been met."""

    id: str
    wanted: tuple[str, ...]
    """The names of its conditions."""
    least: int
    """So many must be met."""
    window: Window | None = None
    resets: bool = True
    """What was met is forgotten when it fires."""
    once: bool = False
    """It fires at most once a window."""

    def to_json(self) -> dict[str, Any]:
        """The gathering as it travels."""
        return {
            "id": self.id,
            "wanted": list(self.wanted),
            "least": self.least,
            "window": None if self.window is None else self.window.to_json(),
            "resets": self.resets,
            "once": self.once,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Gathering:
        window = value["window"]
        return cls(
            id=value["id"],
            wanted=tuple(value["wanted"]),
            least=value["least"],
            window=None if window is None else Window.from_json(window),
            resets=value["resets"],
            once=value["once"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of state of an execution that meets some of the conditions."""

    at: datetime
    execution_id: str
    flow_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What has happened within one window."""

    bounds: Bounds | None = None
    """`None`: without windows, or with one that ends with each event."""
    met: Mapping[str, Event] = field(default_factory=dict)
    """By the name of the condition, the last event that has met it."""
    fired: datetime | None = None
    """When it has fired last."""
    closed: bool = False
    """It ended unmet, and that has been told."""

    def to_json(self) -> dict[str, Any]:
        """The record as the history keeps it."""
        return {
            "start": None if self.bounds is None else self.bounds[0].isoformat(),
            "end": None if self.bounds is None else self.bounds[1].isoformat(),
            "results": {
                name: {"at": e.at.isoformat(), "execution": e.execution_id, "flow": e.flow_id}
                for name, e in self.met.items()
            },
            "fired": None if self.fired is None else self.fired.isoformat(),
            "closed": self.closed,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Record:
        bounds, fired = None, value.get("fired")
        if value.get("start") and value.get("end"):
            bounds = datetime.fromisoformat(value["start"]), datetime.fromisoformat(value["end"])
        met = {
            name: Event(
                at=datetime.fromisoformat(one["at"]),
                execution_id=one["execution"],
                flow_id=one["flow"],
            )
            for name, one in value.get("results", {}).items()
        }
        return cls(
            bounds=bounds,
            met=met,
            fired=None if fired is None else datetime.fromisoformat(fired),
            closed=bool(value.get("closed")),
        )


Records: TypeAlias = Mapping[str, Record]
"""The records of a trigger, by gathering."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an event has changed."""

    records: Records
    fires: bool
    events: tuple[Event, ...] = ()
    """Those that have made it fire, one a condition."""


def advance(
    gatherings: Collection[Gathering],
    records: Records,
    met: Mapping[str, Collection[str]],
    event: Event,
) -> Outcome:
    """Note an event that meets conditions (their names by gathering), and see whether that is enough.

    An event outside the window counts for nothing; without gatherings every event fires.
    """
    after: dict[str, Record] = {}
    enough, adds = True, not gatherings
    for gathering in gatherings:
        record = current(gathering, records.get(gathering.id), event.at)
        names = [name for name in gathering.wanted if name in met.get(gathering.id, ())]
        if record is None or record.closed:
            enough = False
            after |= {gathering.id: known} if (known := records.get(gathering.id)) else {}
            continue
        adds = adds or bool(names)
        record = replace(record, met={**record.met, **dict.fromkeys(names, event)})
        enough = enough and _is_enough(gathering, record, event.at)
        after[gathering.id] = record
    if not (enough and adds):
        return Outcome(after, fires=False)
    events = tuple(each for record in after.values() for each in record.met.values())
    done = {each.id: _fired(each, after[each.id], event.at) for each in gatherings}
    return Outcome(done, fires=True, events=events or (event,))


def current(gathering: Gathering, record: Record | None, at: datetime) -> Record | None:
    """The record that an event of this moment belongs to; `None` for one outside, or of a window gone by."""
    window = gathering.window
    record = record or Record()
    if window is None:
        return replace(record, bounds=None)
    if window.shape is Shape.LOOKBACK:
        since = at - window.length
        met = {name: one for name, one in record.met.items() if since <= one.at}
        return replace(record, bounds=None, met=met)
    bounds = window.around(at)
    if bounds is None or (record.bounds is not None and record.bounds[0] > bounds[0]):
        return None
    return record if record.bounds == bounds else Record(bounds=bounds)


def missed(gathering: Gathering, record: Record | None, end: datetime) -> Record | None:
    """The record of a window that ends now unmet, closed; `None` if it has fired."""
    assert gathering.window is not None
    bounds = gathering.window.around(end - timedelta(microseconds=1))
    if record is not None and record.bounds == bounds and (record.fired or record.closed):
        return None
    return Record(bounds=bounds, closed=True)


def _is_enough(gathering: Gathering, record: Record, at: datetime) -> bool:
    if len(record.met.keys() & set(gathering.wanted)) < gathering.least:
        return False
    if not gathering.once or record.fired is None:
        return True
    window = gathering.window
    return (
        window is not None and window.shape is Shape.LOOKBACK and record.fired < at - window.length
    )


def _fired(gathering: Gathering, record: Record, at: datetime) -> Record:
    return replace(record, met={} if gathering.resets else record.met, fired=at)

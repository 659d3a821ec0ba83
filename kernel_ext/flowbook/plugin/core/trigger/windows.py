"""Windows of time as Flow triggers write them."""

from __future__ import annotations

from datetime import time, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from flowbook.kinds.durations import Duration
from flowbook.kinds.part import Written
from flowbook.triggers.windows import Shape, Window
from flowbook.triggers.zones import machine_zone, zone


def upper(value: Any) -> Any:
    """A word in capitals."""
    return value.upper() if isinstance(value, str) else value


def _time(value: Any) -> Any:
    if isinstance(value, time):
        return value
    try:
        return time.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"'{value}' is no time of day: write it like '09:00:00'") from None


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than 0")
    return value


def _known(value: Any) -> Any:
    if isinstance(value, str):
        zone(value)
    return value


TimeOfDay = Annotated[time, BeforeValidator(_time)]
Length = Annotated[Duration, AfterValidator(_positive)]


class WindowType(StrEnum):
    """Where the windows of `preconditions` lie."""

    DURATION_WINDOW = "DURATION_WINDOW"
    SLIDING_WINDOW = "SLIDING_WINDOW"
    DAILY_TIME_WINDOW = "DAILY_TIME_WINDOW"
    DAILY_TIME_DEADLINE = "DAILY_TIME_DEADLINE"


class TimeWindow(Written):
    """The time within which all preconditions must be met, in UTC."""

    type: Annotated[WindowType, BeforeValidator(upper)] = WindowType.DURATION_WINDOW
    """Blocks one after another, the time before each event, or a stretch of each day."""
    window: Length | None = None
    """How long a block is, or how far to look back; a day."""
    window_advance: Duration | None = None
    """By how much blocks begin after midnight."""
    deadline: TimeOfDay | None = None
    """The time of day at which the window ends that begins at midnight."""
    start_time: TimeOfDay | None = None
    """When the window of each day begins."""
    end_time: TimeOfDay | None = None
    """When the window of each day ends."""

    def shaped(self) -> Window:
        """The same as something to ask."""
        length = self.window or timedelta(days=1)
        match self.type:
            case WindowType.DURATION_WINDOW:
                offset = self.window_advance or timedelta(0)
                return Window(shape=Shape.EVERY, length=length, offset=offset)
            case WindowType.SLIDING_WINDOW:
                return Window(shape=Shape.LOOKBACK, length=length)
            case WindowType.DAILY_TIME_WINDOW:
                return _daily(self.start_time, self.end_time, "UTC")
            case WindowType.DAILY_TIME_DEADLINE:
                return _daily(None, self.deadline, "UTC")


class EntryWindow(Written):
    """The time within which enough entries must be met: one of `deadline`, `from` and `to`, `every`, `lookback`."""

    deadline: TimeOfDay | None = None
    """From midnight to this time of day."""
    from_: TimeOfDay | None = Field(None, alias="from")
    """From this time of day …"""
    to: TimeOfDay | None = None
    """… to this one."""
    every: Length | None = None
    """Blocks of this length, one after another."""
    offset: Duration | None = None
    """By how much the blocks begin after midnight."""
    lookback: Length | None = None
    """So long before each event."""
    fire_once: bool = False
    """Fire at most once a window."""
    timezone: Annotated[str | None, BeforeValidator(_known)] = None
    """The zone of its times, like `Europe/Paris`; the machine's own if none is given."""

    def shaped(self) -> Window:
        """The same as something to ask."""
        name = self.timezone or machine_zone()
        if self.every is not None:
            offset = self.offset or timedelta(0)
            return Window(shape=Shape.EVERY, length=self.every, offset=offset, timezone=name)
        if self.lookback is not None:
            return Window(shape=Shape.LOOKBACK, length=self.lookback, timezone=name)
        return _daily(self.from_, self.deadline or self.to, name)


def _daily(start: time | None, end: time | None, timezone: str) -> Window:
    """From one time of day to another; a time with an offset brings its zone."""
    offsets = [each.strftime("%z") for each in (start, end) if each is not None and each.tzinfo]
    name = f"{offsets[0][:3]}:{offsets[0][3:5]}" if offsets else timezone
    start, end = (time(0) if each is None else each.replace(tzinfo=None) for each in (start, end))
    return Window(shape=Shape.DAILY, start=start, end=end, timezone=name)

"""A cron text as a sentence in English."""

from __future__ import annotations

from collections.abc import Sequence

from .cron import Cron

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
FEW = 6
"""Times of a day that are still listed one by one."""


def describe(text: str, with_seconds: bool | None = None) -> str:
    """What a cron text says; six fields are read as such unless told otherwise.

    >>> describe("0 7 * * 1-5")
    'At 07:00, Monday to Friday'
    >>> describe("*/15 9-17 * * *")
    'Every 15 minutes from 09:00 to 17:59'
    >>> describe("0 0 13 * 5")
    'At 00:00, on the 13th or on Friday'
    >>> describe("30 */10 * * * *")
    'At second 30, every 10 minutes'

    Raises `ValueError` for a text that can't be read.
    """
    seconds = len(text.split()) == 6 if with_seconds is None else with_seconds
    cron = Cron.parse(text, seconds)
    said = ", ".join(part for part in (_time(cron), _days(cron), _months(cron)) if part)
    return said[:1].upper() + said[1:]


def _time(cron: Cron) -> str:
    if cron.seconds == (0,):
        return _minutes(cron)
    every = len(cron.minutes) == 60
    if len(cron.seconds) == 60:
        start = "every second"
    elif step := _step(cron.seconds, 60):
        start = f"every {step} seconds"
    else:
        start = f"at second{_s(cron.seconds)} {_list([str(each) for each in cron.seconds])}"
    if every and len(cron.hours) == 24:
        return start if start.startswith("every") else f"{start} of every minute"
    if every:
        return f"{start}{_in_hours(cron.hours)}"
    return f"{start}, {_minutes(cron)}"


def _minutes(cron: Cron) -> str:
    minutes, hours = cron.minutes, cron.hours
    if len(minutes) == 60:
        return f"every minute{_in_hours(hours)}"
    if len(minutes) > 1 and (step := _step(minutes, 60)):
        return f"every {step} minutes{_in_hours(hours)}"
    if len(minutes) == 1 and len(hours) == 24:
        return "every hour" if minutes == (0,) else f"every hour at minute {minutes[0]}"
    if len(minutes) == 1 and len(hours) > 2 and (step := _step(hours, 24)):
        return f"every {step} hours" + ("" if minutes == (0,) else f" at minute {minutes[0]}")
    if len(minutes) * len(hours) <= FEW:
        times = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
        return f"at {_list(times)}"
    return f"at minute{_s(minutes)} {_list([str(each) for each in minutes])}{_in_hours(hours)}"


def _in_hours(hours: Sequence[int]) -> str:
    if len(hours) == 24:
        return ""
    if len(hours) > 1 and hours[-1] - hours[0] == len(hours) - 1:
        return f" from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return f" in the hour{_s(hours)} of {_list([f'{hour:02}:00' for hour in hours])}"


def _days(cron: Cron) -> str:
    weekdays = "" if cron.weekdays is None else _ranges(_from_monday(cron.weekdays), DAYS)
    if cron.days is None:
        return weekdays if " to " in weekdays or not weekdays else f"on {weekdays}"
    days = f"on the {_list([_ordinal(day) for day in cron.days])}"
    if len(cron.days) > 2 and cron.days[-1] - cron.days[0] == len(cron.days) - 1:
        days = f"from the {_ordinal(cron.days[0])} to the {_ordinal(cron.days[-1])}"
    return f"{days} or on {weekdays}" if weekdays else days


def _months(cron: Cron) -> str:
    if len(cron.months) == 12:
        return ""
    return f"in {_ranges([month - 1 for month in cron.months], MONTHS)}"


def _from_monday(weekdays: Sequence[int]) -> list[int]:
    return sorted(weekdays, key=lambda day: (day - 1) % 7)


def _ranges(numbers: Sequence[int], names: Sequence[str]) -> str:
    """Names of numbers, three or more in a row as a range."""
    size = len(names)
    parts: list[str] = []
    rest = list(numbers)
    while rest:
        run = 1
        while run < len(rest) and rest[run] == (rest[run - 1] + 1) % size:
            run += 1
        if run > 2:
            parts.append(f"{names[rest[0]]} to {names[rest[run - 1]]}")
        else:
            parts += [names[number] for number in rest[:run]]
        rest = rest[run:]
    return _list(parts)


def _step(values: Sequence[int], size: int) -> int | None:
    """The distance of values that repeat evenly from 0 on."""
    step = values[1] if len(values) > 1 else size
    even = values[0] == 0 and size % step == 0 and list(values) == list(range(0, size, step))
    return step if even and len(values) > 1 else None


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _s(values: Sequence[int]) -> str:
    return "" if len(values) == 1 else "s"


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"

"""Durations, sizes, counts and text widths, said the same way here and in the browser (`words.ts`)."""

from __future__ import annotations

from datetime import UTC, datetime

NARROW = frozenset("iljftrI.,:;'|!()[]/ ·")
WIDE = frozenset("mwMW@%—…")


def clock(seconds: float) -> str:
    """`1.1 s` below ten seconds, then `0:42`, `6:42`, `1:12:04`."""
    tenths = int(max(seconds, 0.0) * 10 + 0.5)
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10} s"
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}:{minutes:02}:{whole % 60:02}"
    return f"{minutes}:{whole % 60:02}"


def left(estimate: float | None, elapsed: float) -> str:
    """`1:10 left`, rounded to ten seconds; empty when there is no estimate or it has run out."""
    if estimate is None or estimate - elapsed < 10:
        return ""
    return f"{clock(int((estimate - elapsed) / 10 + 0.5) * 10)} left"


def count(number: int) -> str:
    """`1,461`."""
    return f"{number:,}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 row`, `48 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(octets: int) -> str:
    """`86 kB`, `2.4 MB`."""
    if octets < 1000:
        return f"{octets} B"
    value, units = octets / 1000, ["TB", "GB", "MB", "kB"]
    unit = units.pop()
    while value >= 999.5 and units:
        value, unit = value / 1000, units.pop()
    return f"{value:.1f} {unit}" if value < 9.95 and unit != "kB" else f"{value:.0f} {unit}"


def ticks(text: str) -> int:
    """The width of text in hundredths of an em, by class of character: no font is at hand here."""
    total = 0
    for character in text:
        if character in NARROW:
            total += 31
        elif character in WIDE:
            total += 90
        elif ord(character) >= 0x2E80:
            total += 100
        elif "A" <= character <= "Z":
            total += 68
        else:
            total += 58
    return total


def width(text: str, px: int) -> int:
    """The width of text in a font of `px` pixels, rounded up."""
    return -(-ticks(text) * px // 100)


def cut(text: str, px: int, room: int) -> str:
    """The text, cut at its end so that it fits `room` pixels."""
    if width(text, px) <= room:
        return text
    kept = text
    while kept and width(kept + "…", px) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def moment(value: object) -> float | None:
    """Seconds since the epoch of an aware datetime, an ISO text or a number."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float):
        return float(value)
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def one_line(text: str, limit: int = 300) -> str:
    """The first line that says something, cut at `limit` characters."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= limit else line[: limit - 1] + "…"

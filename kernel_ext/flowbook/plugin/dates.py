"""Dates that people write in properties."""

from __future__ import annotations

from datetime import UTC, datetime

from flowbook.errors import TaskFailed


def date_of(text: str) -> datetime:
    """A date as ISO text; UTC where it names no zone. Raises `TaskFailed`."""
    try:
        date = datetime.fromisoformat(text.strip())
    except ValueError:
        raise TaskFailed(f"'{text}' is not a date: write it like 2025-03-01T00:00:00Z") from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)

"""Words of a fixed list, in any case of letters."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers

Word = TypeVar("Word", bound="AnyCase")


class AnyCase(StrEnum):
    """An enumeration whose members are upper case and may be written in any."""

    @classmethod
    def _missing_(cls, value: object) -> AnyCase | None:
        return cls.__members__.get(str(value).upper())


def read(words: type[Word], answers: Answers, name: str) -> Word:
    """The answer as one of the words. Raises `TaskFailed`."""
    given = answers[name]
    try:
        return words(given)
    except ValueError:
        known = ", ".join(words)
        raise TaskFailed(f"'{name}' must be one of {known}, but is '{given}'") from None

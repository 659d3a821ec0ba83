"""Words of a fixed list, in any case of letters."""

from __future__ import annotations

from enum import StrEnum


class AnyCase(StrEnum):
    """An enumeration whose members are upper case and may be written in any."""

    @classmethod
    def _missing_(cls, value: object) -> AnyCase | None:
        return cls.__members__.get(str(value).upper())

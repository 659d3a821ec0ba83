"""Java's date patterns, taken apart."""

from __future__ import annotations

import re
from functools import lru_cache

from flowbook.errors import ExpressionError

NAMED = {
    "iso": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "iso_sec": "yyyy-MM-dd'T'HH:mm:ssXXX",
    "sql": "yyyy-MM-dd HH:mm:ss.SSSSSS",
    "sql_seq": "yyyy-MM-dd HH:mm:ss",
    "iso_local_date": "yyyy-MM-dd",
    "iso_local_time": "HH:mm:ss",
    "iso_local_date_time": "yyyy-MM-dd'T'HH:mm:ss",
    "iso_date": "yyyy-MM-ddXXX",
    "iso_time": "HH:mm:ssXXX",
    "iso_offset_time": "HH:mm:ssXXX",
    "iso_offset_date_time": "yyyy-MM-dd'T'HH:mm:ssXXX",
    "iso_date_time": "yyyy-MM-dd'T'HH:mm:ssXXX'['VV']'",
    "iso_zoned_date_time": "yyyy-MM-dd'T'HH:mm:ssXXX'['VV']'",
    "iso_instant": "yyyy-MM-dd'T'HH:mm:ssX",
    "iso_ordinal_date": "yyyy-DDDXXX",
    "iso_week_date": "YYYY-'W'ww-eXXX",
    "rfc_1123_date_time": "EEE, d MMM yyyy HH:mm:ss O",
    "full": "EEEE, MMMM d, yyyy",
    "long": "MMMM d, yyyy",
    "medium": "MMM d, yyyy",
    "short": "M/d/yy",
}
_piece = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.S)

Piece = tuple[str | None, "int | str"]
"""A letter and how often it stands there; or None and a text, where `[` and `]` bound an optional section."""


@lru_cache(maxsize=500)
def pieces(pattern: str) -> tuple[Piece, ...]:
    """The fields and texts of a pattern, or of a named format.

    >>> pieces("d'th' MMM")
    (('d', 1), (None, 'th'), (None, ' '), ('M', 3))
    """
    if len(pattern) > 500:
        raise ExpressionError("A date pattern has more than 500 characters")
    found: list[Piece] = []
    for match in _piece.finditer(NAMED.get(pattern, pattern)):
        quoted, letter, other = match.groups()
        if quoted is not None:
            found.append((None, quoted.replace("''", "'") or "'"))
        elif letter:
            found.append((letter, len(match[0])))
        elif other in "{}#":
            raise ExpressionError(f"Pattern includes reserved character: {other!r} in {pattern!r}")
        elif other in "[]":
            found.append(("[" if other == "[" else "]", 0))
        else:
            found.append((None, other))
    return tuple(found)

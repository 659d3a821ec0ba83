"""Secrets are shown as eight stars, wherever something is shown."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

STARS = "********"
SHORTEST = 3
"""Values of fewer characters aren't masked: half of every text would be stars."""
CODED = 6
"""From so many characters on a value is also looked for as Base64 and as a part of an address."""
LINE = 8
"""A line of a secret of several lines (a key file) is masked by itself from so many characters on."""


def _coded(value: str) -> set[str]:
    data = value.encode()
    base = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    return {*base, *(one.rstrip("=") for one in base), quote(value, safe=""), quote_plus(value)}


class Mask:
    """Replaces known secrets in texts and in values; made once, used often.

    >>> Mask(["hunter2"]).text("the password is hunter2!")
    'the password is ********!'
    >>> Mask(["hunter2"]).text("Base64 is aHVudGVyMg==")
    'Base64 is ********'
    """

    __slots__ = ("_exact", "_pattern", "values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values = frozenset(value for value in values if len(value) >= SHORTEST)
        self._exact = self.values
        forms: set[str] = set()
        for value in self.values:
            forms.add(value)
            forms.add(json.dumps(value)[1:-1])
            forms.add(json.dumps(value, ensure_ascii=False)[1:-1])
            forms.add(repr(value)[1:-1])
            forms.update(line.strip() for line in value.splitlines() if len(line.strip()) >= LINE)
            if len(value) >= CODED:
                forms.update(_coded(value))
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __bool__(self) -> bool:
        return bool(self.values)

    def and_(self, more: Iterable[str]) -> Mask:
        """A mask that also hides `more`; itself if it hides them already."""
        more = frozenset(value for value in more if len(value) >= SHORTEST)
        return self if more <= self.values else Mask(self.values | more)

    def text(self, text: str) -> str:
        """The text with stars in the secrets' places."""
        return text if self._pattern is None else self._pattern.sub(STARS, text)

    def deep(self, value: Any) -> Any:
        """A value like this one, with every text in it masked, keys included."""
        if self._pattern is None:
            return value
        match value:
            case str():
                return self._pattern.sub(STARS, value)
            case None | bool():
                return value
            case int() | float():  # a secret of digits that was read as a number
                return STARS if str(value) in self._exact else value
            case Mapping():
                return {self.deep(key): self.deep(item) for key, item in value.items()}
            case list():
                return [self.deep(item) for item in value]
            case tuple():
                return tuple(self.deep(item) for item in value)
            case set() | frozenset():
                return type(value)(self.deep(item) for item in value)
            case bytes():
                return self._pattern.sub(STARS, value.decode("utf-8", "replace")).encode()
            case _:
                return value

    def holds(self, value: Any) -> bool:
        """Whether a secret shows anywhere in a value."""
        if self._pattern is None:
            return False
        match value:
            case str():
                return self._pattern.search(value) is not None
            case None | bool():
                return False
            case int() | float():
                return str(value) in self._exact
            case Mapping():
                return any(self.holds(key) or self.holds(item) for key, item in value.items())
            case list() | tuple() | set() | frozenset():
                return any(self.holds(item) for item in value)
            case _:
                return False

"""Java's regular expressions, run by the `regex` package, which can be stopped."""

from __future__ import annotations

import re as plain
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from flowbook.errors import ExpressionError

from .bounds import MAX_TEXT, rendering, too_large
from .text import text_of
from .values import Value

MAX_PATTERN = 10_000
_SPECIAL = frozenset(r"\^$.|?*+()[]{}&~#-")


@lru_cache(maxsize=500)
def compiled(pattern: str) -> Any:
    """A Java pattern as the `regex` package has it; possessive groups and `\\p{…}` it knows itself."""
    import regex

    if len(pattern) > MAX_PATTERN:
        raise ExpressionError(f"A pattern has more than {MAX_PATTERN} characters")
    translated = plain.sub(r"\\p\{(?:javaLowerCase|Lower)\}", r"\\p{Ll}", pattern)
    translated = plain.sub(r"\\p\{(?:javaUpperCase|Upper)\}", r"\\p{Lu}", translated)
    translated = (
        translated.replace(r"\h", r"[ \t]").replace(r"\Z", r"(?=\n?\z)").replace(r"\z", r"\Z")
    )
    try:
        return regex.compile(translated, regex.VERSION0)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ExpressionError(f"Not a pattern: {pattern[:200]!r}: {error}") from error


def _timed(pattern: str, method: str, *args: Any, **options: Any) -> Any:
    left = max(rendering().seconds_left, 0.001)
    try:
        return getattr(compiled(pattern), method)(*args, timeout=left, concurrent=True, **options)
    except TimeoutError as error:
        raise ExpressionError(f"Pattern took too long: {pattern[:200]}") from error


def full_match(pattern: str, value: str) -> bool:
    return _timed(pattern, "fullmatch", value) is not None


def search(pattern: str, value: str) -> Any:
    return _timed(pattern, "search", value)


def literal(pattern: str) -> str | None:
    """The text that a pattern stands for, when it is nothing but text."""
    if not _SPECIAL.intersection(pattern):
        return pattern
    if len(pattern) == 2 and pattern[0] == "\\" and not pattern[1].isalnum():
        return pattern[1]
    return None


def split(pattern: str, value: str, most: int = 0) -> list[str]:
    """The parts between matches; `most` cuts are made, 0 means all."""
    if (separator := literal(pattern)) and separator:
        return value.split(separator, most or -1)
    parts, end = [], 0
    for match in _found(pattern, value):
        if match.end() == 0:
            continue  # Java makes no empty part of a match without width at the start
        parts.append(value[end : match.start()])
        end = match.end()
        if most and len(parts) >= most:
            break
    return [*parts, value[end:]]


def _found(pattern: str, value: str) -> Iterator[Any]:
    """The matches, one after another; each is a turn."""
    clock = rendering()
    try:
        for match in _timed(pattern, "finditer", value):
            clock.turn()
            yield match
    except TimeoutError as error:
        raise ExpressionError(f"Pattern took too long: {pattern[:200]}") from error


def substitute(pattern: str, replacement: str, value: str) -> str:
    """Every match replaced; `$1` and `${name}` stand for groups, as in Java."""
    pieces: list[str] = []
    end = size = 0
    template = _replacement(replacement)
    try:
        for match in _found(pattern, value):
            made = "".join(part if kind == "text" else match[part] or "" for kind, part in template)
            pieces += [value[end : match.start()], made]
            size += len(pieces[-1]) + len(pieces[-2])
            if size > MAX_TEXT:
                raise too_large()
            end = match.end()
    except IndexError as error:
        raise ExpressionError(
            f"No such group in the pattern {pattern[:200]!r}: {replacement!r}"
        ) from error
    return "".join([*pieces, value[end:]])


def _replacement(text: str) -> list[tuple[str, Any]]:
    """A Java replacement in parts: text, and groups by number or name."""
    parts: list[tuple[str, Any]] = []
    for match in plain.finditer(r"\\(.)|\$(\d)|\$\{(\w+)\}|([^\\$]+|[\\$])", text, plain.S):
        escaped, number, name, other = match.groups()
        if number is not None:
            parts.append(("group", int(number)))
        elif name is not None:
            parts.append(("group", name))
        else:
            parts.append(("text", escaped if escaped is not None else other))
    return parts


def matches(value: Value, pattern: Value) -> bool:
    """`x matches re`: the whole text, as Java's `String.matches`."""
    return False if value is None else full_match(text_of(pattern), text_of(value))

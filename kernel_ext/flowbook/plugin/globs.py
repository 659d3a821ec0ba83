"""Globs of file names as flows write them: alternatives in braces, patterns from the root."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

CHOICE = re.compile(r"\{([^{}]*,[^{}]*)\}")
PIECES = re.compile(r"(\*\*|\*|\?|\[!?[^\]/]+\])")
MOST = 100


def spread(pattern: str) -> list[str]:
    """The patterns without braces that a pattern stands for: `*.{csv,json}` for two."""
    found = [pattern]
    while len(found) < MOST and any(CHOICE.search(one) for one in found):
        found = list(dict.fromkeys(each for one in found for each in _chosen(one)))
    return found


def _chosen(pattern: str) -> Iterator[str]:
    choice = CHOICE.search(pattern)
    if choice is None:
        yield pattern
        return
    for each in choice[1].split(","):
        yield pattern[: choice.start()] + each + pattern[choice.end() :]


@lru_cache(256)
def rooted(pattern: str) -> re.Pattern[str]:
    """A glob that begins at the root, where only `**` goes through folders; for names with `/` first."""
    text = pattern if pattern.startswith(("/", "**")) else f"/{pattern}"
    try:
        return re.compile("".join(_expression(piece) for piece in PIECES.split(text)))
    except re.error:  # a range that is none
        return re.compile(re.escape(text))


def _expression(piece: str) -> str:
    if piece == "**":
        return ".*"
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if PIECES.fullmatch(piece):
        negated = piece.startswith("[!")
        inner = re.sub(r"[\\[^&|~]", r"\\\g<0>", piece[1 + negated : -1])
        return f"[{'^' if negated else ''}{inner}]"
    return re.escape(piece)

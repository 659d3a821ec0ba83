"""Filters of templates."""

from __future__ import annotations

from flowbook.expressions.registry import filter_


@filter_("initials")
def initials(value: object) -> str:
    """`{{ 'Ada Lovelace' | initials }}` is AL."""
    return "".join(word[0].upper() for word in str(value).split())

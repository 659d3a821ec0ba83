"""Filters that look for patterns."""

from __future__ import annotations

from .. import patterns
from ..registry import filter_
from ..text import joined_text
from ..values import Value


@filter_("regexMatch")
def regex_match(value: Value, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text.

    >>> show("{{ 'order 12' | regexMatch('[0-9]+') }}")
    'true'
    """
    return patterns.search(pattern, joined_text(value)) is not None


@filter_("regexReplace")
def regex_replace(value: Value, pattern: str, replacement: str = "") -> str:
    """The text with every match replaced; `$1` stands for a group.

    >>> show("{{ 'a1b2' | regexReplace('([a-z])([0-9])', '$2$1') }}")
    '1a2b'
    """
    return patterns.substitute(pattern, replacement, joined_text(value))


@filter_("regexExtract")
def regex_extract(value: Value, pattern: str, group: int | str | None = None) -> str | None:
    """The first match, or a group of it; null where there is none.

    >>> show("{{ 'order 12' | regexExtract('[0-9]+') }} {{ 'k=v' | regexExtract('(.)=(.)', 2) }}")
    '12 v'
    """
    found = patterns.search(pattern, joined_text(value))
    if found is None:
        return None
    if group is None:
        group = 1 if found.re.groups else 0
    text: str | None = found[group]
    return text

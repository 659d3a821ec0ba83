"""Scalars of YAML 1.2's core schema: which plain texts are numbers, truths or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..kinds.dynamic import Json

CORE = "tag:yaml.org,2002:"
LONGEST = 300
"""Digits of a number; more of them are a text."""
SPECIAL = frozenset("tTfFnN~0123456789+-.")
WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


def plain(text: str) -> Json:
    """The value of a scalar without quotes, by YAML 1.2's core schema."""
    if not text or text[0] in SPECIAL:
        if text in WORDS:
            return WORDS[text]
        if INTEGER.fullmatch(text):
            if len(text) > LONGEST:
                return text
            return int(text, 0) if text[1:2] in {"o", "x"} else int(text)
        if FLOAT.fullmatch(text):
            return float(text.replace(".", "") if text[-1] in "fFnN" else text)
    return text


def tagged(tag: str, text: str) -> Json:
    """The value of a scalar with an explicit tag. Raises `ValueError` if it can't be one."""
    match tag.removeprefix(CORE):
        case "str":
            return text
        case "int" if INTEGER.fullmatch(text) and len(text) <= LONGEST:
            return plain(text)
        case "float" if FLOAT.fullmatch(text):
            return float(plain(text))
        case "bool" | "null" if text in WORDS:
            return WORDS[text]
    raise ValueError(f"the tag '{tag}' can't be used for '{text[:60]}'")

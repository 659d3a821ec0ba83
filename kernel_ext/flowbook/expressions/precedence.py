"""How tightly each operator binds, by dialect; all binary ones are left-associative."""

from __future__ import annotations

from collections.abc import Mapping

UNARY = 500
NOT = 16
"""Where the seed dialect's `not` binds; the kestra dialect's binds as a unary minus does."""

WORDY = ("equals", "isIn", "isNotIn")

LEVELS: Mapping[str, Mapping[str, int]] = {
    "kestra": {
        **dict.fromkeys(("range", "coalesce", "undefined_coalesce"), 120),
        "pow": 115,
        "tilde": 110,
        "pipe": 100,
        **dict.fromkeys(("mul", "div", "floordiv", "mod"), 60),
        **dict.fromkeys(("add", "sub"), 40),
        **dict.fromkeys(("eq", "ne", "lt", "gt", "lteq", "gteq", *WORDY), 30),
        **dict.fromkeys(("is", "contains", "matches", "in", "not in"), 20),
        "and": 15,
        "or": 10,
    },
    "seed": {
        **dict.fromkeys(("pipe", "is"), 200),
        **dict.fromkeys(("range", "coalesce", "undefined_coalesce"), 120),
        "pow": 110,
        **dict.fromkeys(("mul", "div", "floordiv", "mod"), 60),
        "tilde": 50,
        **dict.fromkeys(("add", "sub"), 40),
        **dict.fromkeys(("eq", "ne", "lt", "gt", "lteq", "gteq", *WORDY), 30),
        **dict.fromkeys(("contains", "matches", "in", "not in"), 30),
        "and": 15,
        "or": 10,
    },
}

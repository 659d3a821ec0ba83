"""The named statements of `queries/<subject>.sql`: a name, a line of purpose, SQL with `$parameters`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_WORD = re.compile(r"\w+")
_PARAMETER = re.compile(r"(?<![\w$])\$([a-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One named statement and the parameters it reads."""

    name: str
    purpose: str
    sql: str
    parameters: frozenset[str]

    def bind(self, given: Mapping[str, object]) -> dict[str, object]:
        """The values DuckDB is handed: exactly those it names; what isn't given is null."""
        if unknown := given.keys() - self.parameters:
            raise TypeError(f"{self.name} has no parameter {', '.join(sorted(unknown))}")
        return {name: given.get(name) for name in self.parameters}


@cache
def statements() -> Mapping[str, Statement]:
    """All named statements."""
    found: dict[str, Statement] = {}
    for file in resources.files(__package__).joinpath("queries").iterdir():
        if file.name.endswith(".sql"):
            for statement in parse(file.read_text("utf-8")):
                found[statement.name] = statement
    return found


def parse(text: str) -> list[Statement]:
    """The statements of one file."""
    parts = _NAME.split(text)
    result = []
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        lines = body.strip().splitlines()
        purpose = " ".join(line[3:] for line in lines if line.startswith("-- "))
        sql = "\n".join(line for line in lines if not line.startswith("--")).strip().rstrip(";")
        result.append(Statement(name, purpose, sql, parameters(sql)))
    return result


@cache
def words(sql: str) -> frozenset[str]:
    """The names in a statement, those of its tables among them."""
    return frozenset(_WORD.findall(sql))


def parameters(sql: str) -> frozenset[str]:
    """The names behind `$` in a statement."""
    return frozenset(_PARAMETER.findall(sql))

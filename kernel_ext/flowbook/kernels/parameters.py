"""Parameters of a notebook: what its parameters cell declares, the check of given values, the injected cell."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FlowbookError
from .notebook import PARAMETERS, Document, Notebook, tagged
from .translate import Table, source_of

LARGEST = 1024 * 1024
MASK = "********"
_NO_VALUE = object()
_TYPES = ("int", "float", "str", "bool", "list", "dict")


class ParametersInvalid(FlowbookError):
    """Given parameters don't fit the notebook; all messages at once."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name of the parameters cell."""

    name: str
    type: str | None
    """`int float str bool list dict`; `None` takes anything."""
    default: str | None
    """The default's source text; `None` if a value is required."""
    comment: str = ""

    @property
    def is_required(self) -> bool:
        return self.default is None


@dataclass(frozen=True, slots=True)
class Parameters:
    """Given values, checked and converted."""

    values: Mapping[str, Any]
    defaults: Mapping[str, str]
    """Source texts of the defaults, for the copy's metadata."""
    warnings: Sequence[str] = ()

    def source(self, language: str, kernel: str = "") -> str:
        """The injected cell's source."""
        return source_of(self.values, language, kernel)

    def masked_source(self, language: str, kernel: str, secrets: Sequence[str]) -> str:
        """The same with secrets masked, for the executed copy."""
        return source_of({n: masked(v, secrets) for n, v in self.values.items()}, language, kernel)


def masked(value: Any, secrets: Sequence[str]) -> Any:
    """A JSON value in which every secret is `********`."""
    if not secrets:
        return value
    if isinstance(value, str):
        for secret in secrets:
            if secret:
                value = value.replace(secret, MASK)
        return value
    if isinstance(value, Mapping):
        return {masked(k, secrets): masked(v, secrets) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [masked(v, secrets) for v in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in secrets:
        return MASK
    return value


def declared(document: Document) -> Sequence[Parameter] | None:
    """What the parameters cell declares, in its order; `None` without one or if it can't be read."""
    position = tagged(document, PARAMETERS)
    return None if position is None else inspect(document["cells"][position]["source"])


def inspect(source: str) -> Sequence[Parameter] | None:
    """Names, types and defaults assigned in a Python cell; `None` if it isn't Python."""
    lines = ["pass" if re.match(r"\s*[%!?]", line) else line for line in source.splitlines()]
    text = "\n".join(lines)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    found: dict[str, Parameter] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names, value = [node.target.id], node.value
            type_name: str | None = _annotated(ast.unparse(node.annotation))
        elif isinstance(node, ast.Assign):
            names, value = [t.id for t in node.targets if isinstance(t, ast.Name)], node.value
            type_name = None
        else:
            continue
        comment, hint = _comment(
            lines[(node.end_lineno or node.lineno) - 1], node.end_col_offset or 0
        )
        if not isinstance(node, ast.AnnAssign):
            type_name = _annotated(hint) if hint else _literal_type(value)
        for name in names:
            found[name] = Parameter(name, type_name, _default(value, text), comment)
    return tuple(found.values())


def _default(value: ast.expr | None, text: str) -> str | None:
    if value is None or (isinstance(value, ast.Constant) and value.value is Ellipsis):
        return None
    return ast.get_source_segment(text, value) or ast.unparse(value)


def _comment(line: str, column: int) -> tuple[str, str | None]:
    rest = line.encode()[column:].decode(errors="replace").strip()
    if not rest.startswith("#"):
        return "", None
    said = rest[1:].strip()
    if said.startswith("type:"):
        hint, _, said = said[5:].strip().partition("#")
        return said.strip(), hint.strip()
    return said, None


def _annotated(annotation: str) -> str | None:
    text = annotation.strip("\"' ").removeprefix("typing.")
    text = re.sub(r"^Optional\[(.*)\]$", r"\1", text)
    text = re.sub(r"\s*\|\s*None$|^None\s*\|\s*", "", text).removeprefix("typing.")
    head = text.split("[", 1)[0]
    if "|" in text and head == text:
        return None
    head = {"List": "list", "Dict": "dict", "Sequence": "list", "Mapping": "dict"}.get(head, head)
    return head if head in _TYPES else None


def _literal_type(value: ast.expr | None) -> str | None:
    if value is None:
        return None
    try:
        found = type(ast.literal_eval(value)).__name__
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return found if found in _TYPES else None


def check(notebook: Notebook, given: Mapping[str, Any], *, language: str = "python") -> Parameters:
    """Values as the kernel will see them. Raises `ParametersInvalid` with all messages."""
    name = notebook.name
    problems = [
        f"Parameter '{key}' of {name} is larger than 1 MiB: hand it over as a file (`inputFiles`) or a table"
        for key, value in given.items()
        if _size(value) > LARGEST
    ]
    problems += [
        f"Parameter '{key}' of {name} is not a name a cell can assign to"
        for key in given
        if not key.isidentifier()
    ]
    warnings: list[str] = []
    values = dict(given)
    defaults: dict[str, str] = {}
    if tagged(notebook.document, PARAMETERS) is None:
        if given:
            warnings.append(f"{name} has no cell tagged 'parameters'")
    elif language == "python":
        known = declared(notebook.document)
        if known is None:
            warnings.append(
                f"The parameters cell of {name} is not plain Python: its parameters are not checked"
            )
        else:
            defaults = {p.name: p.default for p in known if p.default is not None}
            values, found = _checked(name, known, given)
            problems += found
    if problems:
        raise ParametersInvalid("\n".join(dict.fromkeys(problems)))
    return Parameters(values, defaults, tuple(warnings))


def _checked(
    notebook: str, known: Sequence[Parameter], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    by_name = {parameter.name: parameter for parameter in known}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in given.items():
        if key not in by_name:
            has = ", ".join(by_name) or "none"
            problems.append(f"{notebook} has no parameter '{key}'; it has {has}")
            continue
        converted = convert(value, by_name[key].type)
        if converted is _NO_VALUE:
            wanted = by_name[key].type or ""
            article = "an" if wanted[:1] in "aeiou" else "a"
            problems.append(
                f"Parameter '{key}' of {notebook} must be {article} {wanted}, but received {_short(value)}"
            )
        values[key] = converted
    problems += [
        f"Parameter '{parameter.name}' of {notebook} has no value"
        for parameter in known
        if parameter.is_required and parameter.name not in given
    ]
    return values, problems


def convert(value: Any, wanted: str | None) -> Any:
    """A given value as the declared type; a sentinel if it doesn't fit."""
    if value is None or wanted is None or isinstance(value, Table | Path):
        return value
    match wanted:
        case "bool":
            word = value.strip().lower() if isinstance(value, str) else value
            return (
                {"true": True, "false": False, True: True, False: False}.get(word, _NO_VALUE)
                if (isinstance(word, bool | str))
                else _NO_VALUE
            )
        case "int" | "float" if not isinstance(value, bool):
            return _number(value, wanted)
        case "str" if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
        case "list" | "dict":
            kind = list if wanted == "list" else dict
            if isinstance(value, str):
                try:
                    value = json.loads(value)
                except ValueError:
                    return _NO_VALUE
            return value if isinstance(value, kind) else _NO_VALUE
    return _NO_VALUE


def _number(value: Any, wanted: str) -> Any:
    if not isinstance(value, int | float | str):
        return _NO_VALUE
    try:
        if wanted == "int" and isinstance(value, int | str):
            return int(value)
        number = float(value)
    except ValueError:
        if wanted == "float" or not isinstance(value, str):
            return _NO_VALUE
        try:
            number = float(value)
        except ValueError:
            return _NO_VALUE
    if wanted == "float":
        return number
    return int(number) if number.is_integer() else _NO_VALUE


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    if isinstance(value, list | dict | tuple):
        return len(json.dumps(value, default=str))
    return 0

"""Inputs as people write them: `name=value`, `name=@file`, files of YAML or JSON. The same for the command line,
the magics and `ws.run`, where a `Path` is what `@file` is here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flowbook.errors import InputInvalid


def read(entries: Iterable[str], file: str | Path | None = None) -> dict[str, Any]:
    """The values of a file and of entries; later ones win. An entry without `=` names a further file.

    Raises: InputInvalid.
    """
    values: dict[str, Any] = of_file(file) if file is not None else {}
    for entry in entries:
        if "=" not in entry and Path(entry).is_file():
            values |= of_file(entry)
        else:
            name, value = pair(entry)
            values[name] = value
    return values


def pair(entry: str) -> tuple[str, str | Path]:
    """`name=value`; `name=@file` is the file, and `name=@@x` the text `@x`. Raises: InputInvalid."""
    name, equals, value = entry.partition("=")
    if not equals or not name.strip():
        raise InputInvalid(
            [f"'{entry}' isn't an input"],
            hints=["Write name=value, name=@file, or the name of a YAML or JSON file of inputs."],
        )
    if value.startswith("@@"):
        return name.strip(), value[1:]
    if value.startswith("@") and len(value) > 1:
        return name.strip(), Path(value[1:]).expanduser()
    return name.strip(), value


def of_file(file: str | Path) -> dict[str, Any]:
    """The inputs in a file of YAML or JSON. Raises: InputInvalid."""
    from flowbook.flows.source import load

    try:
        text = Path(file).expanduser().read_text("utf-8")
    except OSError as error:
        raise InputInvalid([f"The inputs in {file} can't be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise InputInvalid([f"The inputs in {file} can't be read: no text in UTF-8"]) from None
    documents = load(text, str(file))
    problems = [problem for each in documents for problem in each.problems]
    if problems:
        said = problems[0].message.removeprefix("Illegal flow yaml: ")
        raise InputInvalid([f"The inputs in {file} can't be read: {said}"])
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise InputInvalid(
            [f"{file} holds no map of inputs"], hints=["Write a line `name: value` for each."]
        )
    return dict(documents[0].value)


def json_or_text(text: str) -> Any:
    """What `name=value` says where nothing declares a type: JSON if it is, else the text itself."""
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text

"""Values given on the command line: `-i key=value`, `--inputs-file FILE`, `--labels key=value`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click


def inputs(given: Iterable[str], file: str | None = None) -> dict[str, Any]:
    """The inputs that `-i` and `--inputs` say: pairs, or files of YAML or JSON; later ones win."""
    values: dict[str, Any] = _read(file) if file else {}
    for entry in given:
        if "=" not in entry and Path(entry).is_file():
            values |= _read(entry)
        else:
            key, value = pair(entry, "--inputs", "-i name=Ada")
            values[key] = value
    return values


def typed(given: Iterable[str]) -> dict[str, Any]:
    """The same for a notebook's parameters: JSON where it is, else the text itself."""
    import json

    found = inputs(given)
    for key, value in found.items():
        try:
            found[key] = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            continue
    return found


def labels(given: Iterable[str]) -> dict[str, str]:
    """The labels that `--labels key=value` says."""
    return dict(pair(entry, "--labels", "--labels team=data") for entry in given)


def pair(entry: str, option: str, example: str) -> tuple[str, str]:
    """`key=value`. Raises a usage error that shows how it is written."""
    key, equals, value = entry.partition("=")
    if not equals or not key.strip():
        raise click.BadParameter(f"{entry!r} isn't key=value. Write: {example}", param_hint=option)
    return key.strip(), value


def _read(file: str) -> dict[str, Any]:
    from flowbook.flows.source import load

    try:
        text = Path(file).read_text()
    except OSError as error:
        raise click.BadParameter(f"{file}: {error.strerror}", param_hint="--inputs") from None
    found = load(text, file)[0]
    if found.problems or not isinstance(found.value, dict):
        said = found.problems[0].message if found.problems else "no map of names and values"
        raise click.BadParameter(f"{file}: {said}", param_hint="--inputs")
    return dict(found.value)

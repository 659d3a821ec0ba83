"""Values given on the command line: `-i key=value`, `--inputs-file FILE`, `--labels key=value`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click


def inputs(given: Iterable[str], file: str | None = None) -> dict[str, Any]:
    """The inputs that `-i`, `--inputs` and `--inputs-file` say."""
    from flowbook.api.inputs import read
    from flowbook.errors import InputInvalid

    try:
        return read(given, file)
    except InputInvalid as error:
        hint = "--inputs" if file is None else "--inputs, --inputs-file"
        raise click.BadParameter(str(error), param_hint=hint) from None


def typed(given: Iterable[str]) -> dict[str, Any]:
    """The same for a notebook's parameters: JSON where it is, else the text itself."""
    from flowbook.api.inputs import json_or_text

    return {
        key: json_or_text(value) if isinstance(value, str) else value
        for key, value in inputs(given).items()
    }


def properties(given: Iterable[str]) -> dict[str, Any]:
    """The properties that `-p name=value` says."""
    from flowbook.api.inputs import json_or_text

    pairs = (pair(entry, "--property", "-p timeout=PT5M") for entry in given)
    return {name: json_or_text(value) for name, value in pairs}


def labels(given: Iterable[str]) -> dict[str, str]:
    """The labels that `--labels key=value` says."""
    return dict(pair(entry, "--labels", "--labels team=data") for entry in given)


def pair(entry: str, option: str, example: str) -> tuple[str, str]:
    """`key=value`. Raises a usage error that shows how it is written."""
    key, equals, value = entry.partition("=")
    if not equals or not key.strip():
        raise click.BadParameter(f"{entry!r} isn't key=value. Write: {example}", param_hint=option)
    return key.strip(), value

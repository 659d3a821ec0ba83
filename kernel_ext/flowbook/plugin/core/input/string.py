"""`core.input.String`: the input type STRING."""

from __future__ import annotations

import re

from pydantic import field_validator

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text
from flowbook.kinds.part import Example


class String(Input):
    """A text; other values are taken as their text."""

    expects = "a text"

    validator: str | None = None
    """A regular expression that the whole text must match."""

    @field_validator("validator")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return checked_pattern(value)

    def parse(self, value: Json) -> Json:
        given = text(value)
        must_match(self.validator, given)
        return given


def checked_pattern(pattern: str | None) -> str | None:
    """The regular expression, if it is one."""
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error:
            raise ValueError(f"invalid pattern [{pattern}]") from None
    return pattern


def must_match(pattern: str | None, given: str) -> None:
    """Raises `ValueError` unless the whole text matches."""
    if pattern is None:
        return
    import regex

    try:
        matches = regex.fullmatch(pattern, given, timeout=1.0)
    except TimeoutError:
        raise ValueError(f"the pattern `{pattern}` takes too long on it") from None
    if not matches:
        raise ValueError(f"it must match the pattern `{pattern}`")


CODE = Example(
    title="A text that must match a pattern",
    inputs={"code": "AB12"},
    logs=("code AB12",),
    flow="""
id: input-string
namespace: demo
inputs:
  - {id: code, type: STRING, validator: "[A-Z]{2}[0-9]+"}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "code {{ inputs.code }}"}
""",
)

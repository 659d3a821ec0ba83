"""`core.input.Uri`: the input type URI."""

from __future__ import annotations

import re
from typing import ClassVar

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text
from flowbook.kinds.part import Example

WEB = re.compile(
    r"[a-z]+://(www\.)?[-a-zA-Z0-9@:%._+~#=]{1,256}\.[a-zA-Z0-9()]{1,6}\b([-a-zA-Z0-9()@:%_+.~#?&/=]*)"
)
LOCAL = re.compile(r"https?://(localhost|\[[0-9a-f:]+\])(:\d+)?(/\S*)?")
OTHER = re.compile(r"(?!https?:|ftps?:)[a-zA-Z][a-zA-Z0-9+.-]+:\S+")
"""Addresses that aren't those of a web server: `s3://bucket/key`, `kestra:///…`, `jdbc:duckdb:`."""


class Uri(Input):
    """An address with its scheme."""

    aliases: ClassVar[tuple[str, ...]] = ("URL",)
    expects = "an address like https://example.org/data.csv"

    def parse(self, value: Json) -> Json:
        given = text(value)
        if not (WEB.fullmatch(given) or LOCAL.fullmatch(given) or OTHER.fullmatch(given)):
            raise ValueError(f"Expected `URI` but received `{given}`")
        return given


SOURCE = Example(
    title="Where data come from",
    inputs={"source": "https://example.org/data.csv"},
    logs=("from https://example.org/data.csv",),
    flow="""
id: input-uri
namespace: demo
inputs:
  - {id: source, type: URI}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "from {{ inputs.source }}"}
""",
)

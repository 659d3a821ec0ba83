"""What a script says by printing: `::{…}::` commands, and in the seed dialect a JSON document at the end."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flowbook.kinds.context import Context
from flowbook.kinds.durations import parse_duration
from flowbook.kinds.dynamic import Json
from flowbook.kinds.task import Level

SEEN = 2**20
"""How much of the output is looked at for a JSON document."""


class Printed:
    """The lines of one process: logged, counted, and obeyed where they are commands."""

    def __init__(self, context: Context) -> None:
        self.vars: dict[str, Json] = {}
        self.commanded = False
        """A command has set outputs."""
        self.out_lines = 0
        self.err_lines = 0
        self._context = context
        self._seed = context.dialect == "seed"
        self._tail: deque[str] = deque()
        self._tail_size = 0

    def out(self, line: str) -> None:
        """A line of standard output."""
        if not self._obeyed(line):
            self.out_lines += 1
            self._context.log(Level.INFO, line)
            if self._seed:
                self._keep(line)

    def err(self, line: str) -> None:
        """A line of standard error."""
        if not self._obeyed(line):
            self.err_lines += 1
            self._context.log(Level.WARN if self._seed else Level.ERROR, line)

    def tail(self) -> str:
        """The end of standard output, at most a MiB (seed dialect only)."""
        return "\n".join(self._tail)

    def _keep(self, line: str) -> None:
        self._tail.append(line)
        self._tail_size += len(line) + 1
        while self._tail_size > SEEN and len(self._tail) > 1:
            self._tail_size -= len(self._tail.popleft()) + 1

    def _obeyed(self, line: str) -> bool:
        text = line.strip()
        if not (text.startswith("::{") and text.endswith("}::")):
            return False
        try:
            self._obey(json.loads(text[2:-2], parse_constant=lambda name: None))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._context.log(Level.WARN, f"Invalid outputs '{text[:500]}': {error}")
        return True

    def _obey(self, command: Mapping[str, Any]) -> None:
        secret = command.get("encryptedOutputs") or {}
        for value in secret.values():
            self._context.conceal(value if isinstance(value, str) else json.dumps(value))
        if outputs := {**(command.get("outputs") or {}), **secret}:
            self.vars.update(outputs)
            self.commanded = True
        for metric in command.get("metrics") or ():
            self._meter(metric)
        for entry in command.get("logs") or ():
            self._context.log(Level(entry.get("level") or "INFO"), str(entry.get("message", "")))

    def _meter(self, metric: Mapping[str, Any]) -> None:
        kind = str(metric.get("type", "counter")).lower()
        if kind not in {"counter", "timer", "gauge"}:
            raise ValueError(f"'{kind}' is no type of metric: counter, timer or gauge")
        value = metric["value"]
        number = parse_duration(value) / timedelta(milliseconds=1) if kind == "timer" else value
        tags = {str(name): str(tag) for name, tag in (metric.get("tags") or {}).items()}
        self._context.metric(str(metric["name"]), float(number), kind, **tags)


def printed_json(text: str) -> dict[str, Json]:
    """The variables that a script hands back by printing JSON at its end; none if it doesn't."""
    text = text.rstrip()
    found, value = _longest(text)
    if not found:
        found, value = _last_object(text)
    if not found:
        return {}
    match value:
        case dict():
            result = {str(name): item for name, item in value.items()}
        case list():
            result = {"items": value}
        case _:
            result = {"value": value}
    result.setdefault("result", found)
    return result


def _longest(text: str) -> tuple[str, Json]:
    """The longest end of the text that begins at a line and is one JSON value."""
    starts = [0] + [place + 1 for place, letter in enumerate(text) if letter == "\n"]
    for start in starts:
        candidate = text[start:].strip()
        if candidate and _may_be_json(candidate):
            try:
                return candidate, json.loads(candidate, parse_constant=lambda name: None)
            except ValueError:
                continue
    return "", None


def _may_be_json(text: str) -> bool:
    """Cheap look at both ends, so that a long log isn't parsed from each of its lines."""
    pairs = {"{": "}", "[": "]", '"': '"'}
    if text[0] in pairs:
        return text[-1] == pairs[text[0]]
    return "\n" not in text and (text[0] in "-0123456789" or text in {"true", "false", "null"})


def _last_object(text: str) -> tuple[str, Json]:
    for line in reversed(text.split("\n")):
        if line.strip().startswith("{"):
            try:
                return line.strip(), json.loads(line, parse_constant=lambda name: None)
            except ValueError:
                continue
    return "", None

"""How two executions of a flow differ: its text, inputs, states, times and outputs. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from flowbook.kinds.dynamic import Json

from . import states
from .words import clock, plural

OF_RUN = re.compile(r"((?:kestra|flowbook):///\S*?/executions/)[^/\s]+(/tasks/[^/\s]+/)[^/\s]+/")
"""What is another one in every execution: its id, and that of the task run."""
LONGEST = 80
SLOWER = 2.0
"""So many times as long, and at least a second, is worth a line."""
_STYLE = "text-align:left;padding:2px 16px 2px 0;border:0;vertical-align:top"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two executions."""

    id: str
    flow: str
    revision: int
    state: str
    seconds: float | None
    inputs: Mapping[str, Json]
    outputs: Mapping[str, Json]
    error: str | None
    runs: Mapping[str, Ran]
    """Task runs by name, `load` or `load[2026-11-21]`, in the order of their creation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A task run of one side."""

    state: str
    seconds: float | None
    outputs: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Line:
    """Something that differs: `old` or `new` is None where one side doesn't have it."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a heading."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Shows itself in a notebook and in a terminal."""

    old: Side
    new: Side
    text: str = ""
    """The hunks of the unified diff of the two revisions."""

    @property
    def sections(self) -> list[Section]:
        """What differs, section by section; those without a line are left out."""
        old, new = self.old, self.new
        whole = [Line("state", old.state, new.state)] if old.state != new.state else []
        if old.error != new.error:
            whole.append(Line("error", _short(old.error), _short(new.error)))
        found = [
            Section("Execution", whole),
            Section("Inputs", list(_values(old.inputs, new.inputs))),
            Section("Tasks", list(self._tasks())),
            Section("Outputs of the flow", list(_values(old.outputs, new.outputs))),
        ]
        return [section for section in found if section.lines]

    @property
    def same(self) -> int:
        """How many task runs of both sides differ in nothing that is listed."""
        both = self.old.runs.keys() & self.new.runs.keys()
        return sum(not list(_task(name, self.old.runs[name], self.new.runs[name])) for name in both)

    def _tasks(self) -> Iterator[Line]:
        for name in dict.fromkeys([*self.old.runs, *self.new.runs]):
            yield from _task(name, self.old.runs.get(name), self.new.runs.get(name))

    def to_json(self) -> dict[str, Json]:
        """The same for programs: ids, flow text, and a list of changes by section."""
        return {
            "old": self.old.id,
            "new": self.new.id,
            "text": self.text,
            "changes": [
                {"section": section.title, "name": line.name, "old": line.old, "new": line.new}
                for section in self.sections
                for line in section.lines
            ],
            "same": self.same,
        }

    def __str__(self) -> str:
        lines = [self._head(self.old), self._head(self.new)]
        if self.text:
            lines += ["", "Flow", *(f"  {line}" for line in self.text.splitlines())]
        for section in self.sections:
            lines += ["", section.title]
            width = min(max(len(line.name) for line in section.lines), 32)
            lines += [
                f"  {line.name:<{width}}  {_said(line.old)} → {_said(line.new)}"
                for line in section.lines
            ]
        return "\n".join([*lines, "", self._rest()]).rstrip()

    __repr__ = __str__

    def _head(self, side: Side) -> str:
        took = "" if side.seconds is None else f"  {clock(side.seconds)}"
        sign = "-" if side is self.old else "+"
        symbol = states.look(side.state.lower()).symbol
        return f"{sign} {side.id[:6]}  {side.flow} revision {side.revision}  {symbol} {side.state}{took}"

    def _rest(self) -> str:
        if not self.sections and not self.text:
            return "Nothing else differs."
        return f"{plural(self.same, 'other task run')} the same." if self.same else ""

    def _repr_html_(self) -> str:
        parts = [
            f"<div><code>{escape(self._head(side))}</code></div>" for side in (self.old, self.new)
        ]
        if self.text:
            parts.append(f'<pre style="margin:8px 0;font:12px monospace">{escape(self.text)}</pre>')
        if self.sections:
            rows = "".join(_rows(section) for section in self.sections)
            style = "border-collapse:collapse;font-size:12px;border:0;margin-top:8px"
            parts.append(f'<table style="{style}"><tbody>{rows}</tbody></table>')
        parts.append(f'<div style="margin-top:8px;font-size:12px">{escape(self._rest())}</div>')
        return f'<div style="font-size:13px">{"".join(parts)}</div>'


def _rows(section: Section) -> str:
    head = f'<tr style="background:none"><th colspan="3" style="{_STYLE}">{escape(section.title)}</th></tr>'
    return head + "".join(
        '<tr style="background:none">'
        + "".join(
            f'<td style="{_STYLE}">{escape(text)}</td>'
            for text in (line.name, _said(line.old), f"→ {_said(line.new)}")
        )
        + "</tr>"
        for line in section.lines
    )


def _task(name: str, old: Ran | None, new: Ran | None) -> Iterator[Line]:
    if old is None or new is None:
        yield Line(name, old.state if old else None, new.state if new else None)
        return
    slow = _slower(old.seconds, new.seconds)
    if old.state != new.state or slow:
        yield Line(name, _ran(old), _ran(new))
    yield from (
        Line(f"{name}.{line.name}", line.old, line.new)
        for line in _values(old.outputs, new.outputs)
    )


def _slower(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return False
    low, high = sorted((old, new))
    return high - low >= 1 and high >= SLOWER * low


def _ran(run: Ran) -> str:
    return run.state if run.seconds is None else f"{run.state} {clock(run.seconds)}"


def _values(old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[Line]:
    for name in dict.fromkeys([*old, *new]):
        before = _text(old[name]) if name in old else None
        after = _text(new[name]) if name in new else None
        if before != after:
            yield Line(name, *_apart(before, after))


def _text(value: Json) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return OF_RUN.sub(r"\1…\2…/", shown)


def _apart(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Both cut short, beginning a little before they part, so that the difference is seen."""
    if old is None or new is None or max(len(old), len(new)) <= LONGEST:
        return _short(old), _short(new)
    same = next(
        (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b),
        min(len(old), len(new)),
    )
    start = max(0, same - LONGEST // 4)
    sign = "…" if start else ""
    return _short(sign + old[start:]), _short(sign + new[start:])


def _short(text: str | None) -> str | None:
    if text is None:
        return None
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _said(text: str | None) -> str:
    return "–" if text is None else text

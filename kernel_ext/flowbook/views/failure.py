"""What failed, where, why: the block under the graph of a failed run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import states
from .outputs import to_open
from .topology import Graph, Json, Node, Row, parsed
from .words import one_line

_NUMBERED = re.compile(r"[→> ]\s*(\d+) \| ?(.*)")
"""A line of an excerpt that says its own number."""
LOGGED = 12
"""Log lines shown of a task that left no traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure, in the order in which a person asks about it."""

    title: str
    """`report failed in cell 9 of 12`."""
    note: str = ""
    """`attempt 2 of 3`."""
    lines: tuple[tuple[int, str, bool], ...] = ()
    """Line number, text, whether it is the guilty one."""
    where: str = ""
    type: str = ""
    message: str = ""
    traceback: str = ""
    run: str | None = None
    path: str = ""
    """The executed copy, for *Open executed notebook*: see `outputs.to_open`."""
    cell: int | None = None

    def to_json(self) -> dict[str, Json]:
        """The failure for the browser; what is empty is left out."""
        out: dict[str, Json] = {"title": self.title}
        for name in ("note", "where", "type", "message", "traceback", "run", "path"):
            if value := getattr(self, name):
                out[name] = value
        if self.lines:
            out["lines"] = [list(line) for line in self.lines]
        if self.cell is not None:
            out["cell"] = self.cell
        return out

    @property
    def reason(self) -> str:
        """`KeyError: 'rain'`, in one line."""
        return ": ".join(filter(None, (self.type, one_line(self.message))))


def failure(
    execution: Row,
    graph: Graph,
    task_runs: Iterable[Row],
    logs: Sequence[Row] = (),
    outputs: Mapping[str, Any] | None = None,
) -> Failure | None:
    """The first task run that failed by itself, or what ended the execution before any ran.

    `outputs` are those of task runs, by id.
    """
    guilty = _guilty(task_runs)
    if guilty is None:
        error = _error(execution)
        if not error:
            return None
        return Failure(title=f"{execution['flow_id']} failed", **_why(error))
    error = _error(guilty)
    node = next((node for node, _ in graph.nodes() if node.run == guilty["id"]), None)
    cell = error.get("cell")
    attempts = guilty.get("attempts")
    number = len(attempts) if isinstance(attempts, list) else attempts or 1
    value = guilty.get("value")
    why = _why(error)
    if not why["traceback"] and not why["lines"]:
        said = [str(log["message"]) for log in logs if log.get("task_run_id") == guilty["id"]]
        why["traceback"] = _plain("\n".join(said[-LOGGED:]))
    notes = (
        str(value) if value is not None else "",
        f"attempt {number}" if isinstance(number, int) and number > 1 else "",
    )
    return Failure(
        title=f"{guilty['task_id']} {_verb(node, cell)}",
        note=" · ".join(filter(None, notes)),
        run=guilty["id"],
        cell=cell if isinstance(cell, int) else None,
        path=_copy(parsed((outputs or {}).get(guilty["id"]))),
        **why,
    )


def _copy(outputs: object) -> str:
    """Where the executed copy of a notebook is opened."""
    return to_open(outputs.get("notebook")) if isinstance(outputs, Mapping) else ""


def _guilty(task_runs: Iterable[Row]) -> Row | None:
    """The failed task run that ended first, flowables that only failed through a child left out."""
    failed = [run for run in task_runs if states.name_of(run["state"]) == "failed"]
    parents = {run.get("parent_id") for run in failed}
    own = [run for run in failed if run["id"] not in parents]
    with_error = [run for run in own if run.get("error")] or own
    return min(with_error, key=lambda run: str(run.get("ended_at") or "~"), default=None)


def _verb(node: Node | None, cell: object) -> str:
    for line in node.meta if node else ():
        if line.startswith("failed in cell"):
            return line
    return f"failed in cell {cell}" if isinstance(cell, int) else "failed"


def _error(row: Row) -> Mapping[str, Any]:
    error = parsed(row.get("error"))
    if isinstance(error, Mapping):
        return error
    return {"message": str(error)} if error else {}


def _why(error: Mapping[str, Any]) -> dict[str, Any]:
    traceback = error.get("traceback") or ""
    if isinstance(traceback, list):
        traceback = "\n".join(map(str, traceback))
    line = error.get("line")
    # ours says no more than that it failed
    kind = "" if error.get("type") == "TaskFailed" else str(error.get("type") or "")
    return {
        "type": kind,
        "message": str(error.get("message") or "").removeprefix(f"{kind}: "),
        "traceback": _plain(str(traceback)),
        "lines": tuple(_lines(error.get("excerpt"), line if isinstance(line, int) else None)),
        "where": f"line {line}" if isinstance(line, int) else "",
    }


def _plain(text: str) -> str:
    """Without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def _lines(excerpt: object, line: int | None) -> Iterable[tuple[int, str, bool]]:
    """Numbered lines: of a text whose middle one is `line`, or given as `[number, text]`."""
    if not excerpt:
        return
    if isinstance(excerpt, list | tuple):
        for item in excerpt:
            number, text = (item["line"], item["text"]) if isinstance(item, Mapping) else item[:2]
            yield int(number), _plain(str(text)), number == line
        return
    texts = _plain(str(excerpt)).split("\n")
    if all(numbered := [_NUMBERED.match(text) for text in texts]):
        yield from ((int(found[1]), found[2], int(found[1]) == line) for found in numbered if found)
        return
    first = max(1, (line or 1) - len(texts) // 2) if line else 1
    for number, text in enumerate(texts, first):
        yield number, text, number == line

"""One execution as a display shows it: the contract between Python and the browser.

`run_view` turns rows into a `RunView`; `RunView.bundle()` is what a kernel publishes. `types.ts` is the same contract
for the browser, and `tests/views` checks one against the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import failure as failures
from . import states
from .outputs import Link, Preview, links_of, previews_of
from .topology import Graph, Json, Row, Runs, graph_of, parsed
from .words import count, moment, one_line

MIME = "application/vnd.flowbook.run+json"
VERSION = 1
LISTED = 60
"""Tasks that the plain text of a running execution lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What runs at this moment, or where it failed: the foot of the display."""

    title: str
    code: str = ""
    since: float | None = None
    cells: int = 0
    """How many cells the notebook has whose cell it is."""

    def to_json(self) -> dict[str, Json]:
        """The foot for the browser."""
        out: dict[str, Json] = {"title": self.title}
        if self.code:
            out["code"] = self.code
        if self.since is not None:
            out["since"] = self.since
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """An execution at one moment. Times are seconds since the epoch."""

    id: str
    namespace: str
    flow: str
    revision: int | None
    state: str
    now: float
    """When this was looked at; a browser's clock may differ."""
    started: float | None
    ended: float | None
    estimate: float | None
    counts: Mapping[str, int]
    """Task runs by state."""
    busy: int
    """Running task runs that are no flowables."""
    expected: int
    """Task runs there will be in the end, as far as is known."""
    graph: Graph
    at: Now | None = None
    failure: failures.Failure | None = None
    previews: tuple[Preview, ...] = ()
    links: tuple[Link, ...] = ()
    variable: str = ""
    """The name that holds the run in the kernel."""
    host: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the execution has ended."""
        return self.state in states.ENDED

    @property
    def name(self) -> str:
        """`namespace.flow`."""
        return f"{self.namespace}.{self.flow}" if self.namespace else self.flow

    @property
    def short(self) -> str:
        """The first letters of the id, enough to name it."""
        return self.id[:6]

    @property
    def elapsed(self) -> float | None:
        """Seconds from start to end, or until now."""
        if self.started is None:
            return None
        return (self.ended if self.ended is not None else self.now) - self.started

    @property
    def ended_count(self) -> int:
        """Task runs that have ended."""
        return sum(number for state, number in self.counts.items() if state in states.ENDED)

    @property
    def facts(self) -> str:
        """`33 of 55 task runs`, or what became of them."""
        total = max(self.expected, sum(self.counts.values()))
        if not self.is_over:
            return f"{count(self.ended_count)} of {count(total)} task runs"
        if self.state == "success" and set(self.counts) <= {"success"}:
            total = sum(self.counts.values())
            return f"{count(total)} task {'run' if total == 1 else 'runs'}"
        order = ["success", *(name for name in states.LOOKS if name != "success")]
        said = [f"{count(self.counts[name])} {name}" for name in order if self.counts.get(name)]
        unreached = len(self.waiting)
        return ", ".join([*said, f"{count(unreached)} not reached"] if unreached else said)

    @property
    def waiting(self) -> list[str]:
        """Tasks of the main chain that haven't started."""
        return [node.id for node in self.graph.children if node.state is None]

    def to_json(self) -> dict[str, Json]:
        """The run for the browser: `application/vnd.flowbook.run+json`."""
        out: dict[str, Json] = {
            "version": VERSION,
            "id": self.id,
            "namespace": self.namespace,
            "flow": self.flow,
            "state": self.state,
            "now": self.now,
            "facts": self.facts,
            "counts": dict(self.counts),
            "busy": self.busy,
            "expected": self.expected,
            "graph": self.graph.to_json(),
        }
        for name in ("revision", "started", "ended", "estimate"):
            if (value := getattr(self, name)) is not None:
                out[name] = value
        for name in ("variable", "host"):
            if value := getattr(self, name):
                out[name] = value
        if self.at is not None:
            out["at"] = self.at.to_json()
        if self.failure is not None:
            out["failure"] = self.failure.to_json()
        for name in ("previews", "links"):
            if items := getattr(self, name):
                out[name] = [item.to_json() for item in items]
        return out

    def bundle(self) -> dict[str, Json]:
        """The MIME bundle: for our extension, for notebooks without it, and for terminals."""
        from .html import html
        from .text import text

        # what nobody reads while it runs is kept short: this is sent again with every change
        limit = None if self.is_over else LISTED
        return {
            MIME: self.to_json(),
            "text/html": html(self),
            "text/plain": text(self, limit=limit),
        }


def run_view(
    execution: Row,
    tree: Row,
    task_runs: Sequence[Row],
    cells: Sequence[Row] = (),
    outputs: Sequence[Row] = (),
    *,
    now: object,
    estimates: Mapping[str, float] | None = None,
    host: str | None = None,
    variable: str = "",
    previews: Sequence[Preview] | None = None,
    logs: Sequence[Row] = (),
) -> RunView:
    """An execution's rows as a view; `now` is a datetime or seconds since the epoch.

    `estimates` are seconds by task id, and under `""` for the whole execution. `previews` are what a host has read
    from storage (a table's first rows, a notebook's last figure); without them, lists of maps in `outputs` serve.
    `logs` are asked only for what a failed task said last.
    """
    runs = Runs(task_runs, cells, outputs, estimates)
    state = states.name_of(execution["state"])
    over = state in states.ENDED
    gives = over and state != "failed"
    graph = graph_of(tree, runs, over=over)
    seen = moment(now)
    at_work = [] if over else _at_work(tree, task_runs)
    failure = None
    if state == "failed":
        failure = failures.failure(execution, graph, task_runs, logs, runs.outputs)
    return RunView(
        id=execution["id"],
        namespace=execution.get("namespace") or "",
        flow=execution["flow_id"],
        revision=execution.get("flow_revision"),
        state=state,
        now=seen if seen is not None else 0.0,
        started=moment(execution.get("started_at") or execution.get("created_at")),
        ended=moment(execution.get("ended_at")) if over else None,
        estimate=(estimates or {}).get(""),
        counts=_counts(task_runs, over),
        expected=graph.expected,
        graph=graph,
        busy=len(at_work),
        at=_failed_at(failure, task_runs, runs) if over else _at(at_work, runs),
        failure=failure,
        previews=tuple(previews) if previews is not None else previews_of(outputs) if gives else (),
        links=links_of(outputs) if gives else (),
        variable=variable,
        host=host or "",
    )


def _counts(task_runs: Iterable[Row], over: bool) -> dict[str, int]:
    """Task runs by state; flowables that only failed through a child don't count as failures."""
    rows = [(states.name_of(run["state"]), run) for run in task_runs]
    through = {run.get("parent_id") for state, run in rows if state == "failed"} if over else set()
    return dict(
        Counter(state for state, run in rows if not (state == "failed" and run["id"] in through))
    )


def _at_work(tree: Row, task_runs: Sequence[Row]) -> list[Row]:
    """The task runs that run and are no flowables."""
    running = [run for run in task_runs if states.name_of(run["state"]) == "running"]
    flowables = set(_flowables([tree])) if running else set()
    return [run for run in running if run["task_id"] not in flowables]


def _flowables(tree: Iterable[Row]) -> Iterable[str]:
    for node in tree:
        if node.get("kind") in ("group", "loop"):
            yield node["id"]
        for name in ("children", "errors", "finally", "afterExecution"):
            yield from _flowables(node.get(name, ()))
        for branch in node.get("branches", ()):
            yield from _flowables(branch["children"])


def _at(at_work: Sequence[Row], runs: Runs) -> Now | None:
    """What runs: a notebook's cell first, else the task run that started last."""
    if not at_work:
        return None
    for run in at_work:
        cells = runs.latest_cells(run)
        for cell in reversed(cells):
            if states.name_of(cell["state"]) == "running" and cell["cell"]:
                return _at_cell(run, cell, cells[-1]["cell"])
    last = max(at_work, key=lambda run: moment(run.get("started_at")) or 0.0)
    value = last.get("value")
    title = f"{last['task_id']} · {value}" if value is not None else last["task_id"]
    if len(at_work) > 1:
        title += f" and {len(at_work) - 1} more"
    return Now(title=title, since=moment(last.get("started_at")))


def _at_cell(run: Row, cell: Row, cells: int) -> Now:
    """The cell, and its source line or the last line it said."""
    said = str(cell.get("text") or "").rstrip().rpartition("\n")[2]
    return Now(
        title=f"{run['task_id']}, cell {cell['cell']}",
        code=one_line(str(cell.get("source") or "") or said, 160),
        since=moment(cell.get("started_at")),
        cells=cells,
    )


def _failed_at(
    failure: failures.Failure | None, task_runs: Sequence[Row], runs: Runs
) -> Now | None:
    """The failed cell with its source line, as its row says it."""
    guilty = failure.run if failure is not None else None
    for run in task_runs:
        for cell in runs.latest_cells(run) if run["id"] == guilty else ():
            error = parsed(cell.get("error"))
            if isinstance(error, Mapping) and error.get("line") and cell["cell"]:
                return Now(
                    title=f"{run['task_id']}, cell {cell['cell']}, line {error['line']}",
                    code=one_line(str(error.get("source") or ""), 160),
                )
    return None

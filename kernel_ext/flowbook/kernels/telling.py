"""What a run tells while it goes on: the copy, its journal, and the news of its cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..clock import SystemClock
from .cells import MAX_TEXT, CellOutputs, Widgets
from .executed import Entry, Executed, plain_text
from .handed_out import NewsReader
from .journal import Journal
from .notebook import Document, Json, count
from .parameters import masked
from .terms import CellNews, CellState, MetricNews, News, NotebookRun

_TICK = timedelta(seconds=0.2)


class Telling:
    """Applies everything that happens to the copy, journals it, and passes it on as news."""

    def __init__(self, task: NotebookRun, shown: Document, news: News) -> None:
        self.executed = Executed(shown)
        self.total = count(shown)
        self.done = self.failed = 0
        self.current: CellNews | None = None
        self.outputs: CellOutputs | None = None
        self.dirty = False
        """Something was heard that hasn't been told yet."""
        self.tell = news
        self.journal: Journal | None = None
        self._secrets = task.secrets
        self._reader = NewsReader(task.out_dir, self._channel)

    def emit(self, entry: Entry) -> None:
        self.executed.apply(entry)
        if self.journal is not None:
            self.journal.add(entry)

    def begin(self, number: int, position: int, cell: Document) -> None:
        now = datetime.now(UTC)
        self.emit({"op": "start", "cell": position, "at": now.isoformat()})
        self.current = CellNews(
            cell=number, total=self.total, id=cell["id"], state="RUNNING", started=now
        )
        self.say()

    def end(self, position: int, state: CellState, ran: Json) -> None:
        now = datetime.now(UTC)
        self.look()
        if self.outputs is not None:
            self.outputs.finish()
        current = self.current
        seconds = (now - current.started).total_seconds() if current and current.started else None
        entry = {
            "op": "end",
            "cell": position,
            "at": now.isoformat(),
            "state": state,
            "seconds": seconds,
        }
        self.emit(entry | ({"count": ran} if ran is not None else {}))
        if current is None:
            return
        if current.cell:
            self.done += state == "DONE"
            self.failed += state in ("FAILED", "STOPPED")
        self.current = replace(current, state=state, ended=now)
        self.say()
        self.current = None

    def say(self) -> None:
        if self.current is None or self.outputs is None:
            return
        self.dirty = False
        error = self.outputs.error
        self.current = replace(
            self.current,
            outputs=self.outputs.count,
            text=self.outputs.text,
            error=dict(error) if error and self.current.state != "DONE" else None,
        )
        if self.current.cell:
            self.tell(self.current)

    def comms(self) -> Callable[[Mapping[str, Any]], None]:
        return Widgets(self.emit, self._secrets).hear

    async def tick(self) -> None:
        clock = SystemClock()
        while True:
            await clock.until(clock.now() + _TICK)
            self.look()
            if self.dirty:
                self.say()

    def look(self) -> None:
        self._reader.look()

    def _channel(self, entry: Mapping[str, Any]) -> None:
        match entry:
            case {"metric": str(name), "value": int() | float() as value}:
                labels = {str(k): str(v) for k, v in (entry.get("tags") or {}).items()}
                self.tell(MetricNews(name, float(value), labels))
            case {"progress": _} if self.current is not None:
                fraction = entry["progress"]
                self.current = replace(
                    self.current,
                    progress=float(fraction) if isinstance(fraction, int | float) else None,
                    note=masked(str(entry.get("text") or ""), self._secrets),
                )
                self.dirty = True

    def copied(self, number: int, cell: Document, position: int) -> None:
        """A cell that ran in the attempt this one goes on with."""
        shown = self.executed.document["cells"][position]
        if number:
            self.done += shown["metadata"].get("papermill", {}).get("status") == "completed"
            text = "".join(plain_text(output) for output in shown["outputs"])[:MAX_TEXT]
            number_of = len(shown["outputs"])
            self.tell(
                CellNews(
                    cell=number,
                    total=self.total,
                    id=cell["id"],
                    state="COPIED",
                    outputs=number_of,
                    text=text,
                )
            )

    def skipped(self, number: int, cell: Document) -> None:
        """A cell that isn't run."""
        if number:
            self.tell(CellNews(cell=number, total=self.total, id=cell["id"], state="SKIPPED"))

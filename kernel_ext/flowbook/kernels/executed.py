"""The executed copy while it comes about: a notebook to which entries are applied, live or from a journal.

An entry is a JSON map with `op`: `start output clear update end widget done`. The running host applies
each one and appends it to the journal; a reader applies the same entries, so both see one notebook.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .notebook import Document, Json, encoded_cell, tags

AHEAD = 64 * 2**20
"""Bytes of cells that are encoded before the notebook's end."""
Entry = Mapping[str, Any]
WIDGETS = "application/vnd.jupyter.widget-state+json"


@dataclass(slots=True)
class Executed:
    """A notebook being executed. `document` is its own: nobody else may hold it."""

    document: Document
    running: int | None = None
    """Position of the running cell."""
    is_done: bool = False
    _displays: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _texts: dict[int, list[str]] = field(default_factory=dict)
    """Pieces of the last stream output of a cell; joined when somebody looks."""
    _ended: int | None = None
    """Position of the cell that ended last."""
    ready: dict[int, bytes] = field(default_factory=dict)
    """Ended cells as they will be written, as long as nothing changes them."""

    def apply(self, entry: Entry) -> None:
        if entry["op"] == "update":
            self.ready.clear()
        else:
            self.ready.pop(entry.get("cell", -1), None)
        match entry["op"]:
            case "start":
                self._start(self._cell(entry), entry)
            case "output":
                self._output(entry)
            case "clear":
                self._texts.pop(entry["cell"], None)
                self._cell(entry)["outputs"] = []
            case "update":
                self._update(entry)
            case "end":
                self._end(self._cell(entry), entry)
            case "widget":
                self._widget(entry)
            case "done":
                self._done(entry)

    def cut_short(self, at: str) -> None:
        """The run ended here without a word."""
        if self.running is not None:
            self.apply({"op": "end", "cell": self.running, "at": at, "state": "STOPPED"})
        self.apply({"op": "done", "at": at, "seconds": None, "failed": True})

    def settled(self) -> Document:
        """The notebook as it stands."""
        for position in list(self._texts):
            self._join(position)
        return self.document

    def get_ready(self) -> None:
        """Encode the cell that ended last: better while the next one runs than at the notebook's end."""
        if self._ended is not None and sum(map(len, self.ready.values())) < AHEAD:
            self._join(self._ended)
            self.ready[self._ended] = encoded_cell(self.document["cells"][self._ended])
            self._ended = None

    def outputs(self, position: int) -> list[dict[str, Any]]:
        self._join(position)
        found: list[dict[str, Any]] = self.document["cells"][position]["outputs"]
        return found

    def _cell(self, entry: Entry) -> Document:
        cell: Document = self.document["cells"][entry["cell"]]
        return cell

    def _start(self, cell: Document, entry: Entry) -> None:
        self.running = entry["cell"]
        cell["metadata"]["papermill"] = {
            "duration": None,
            "end_time": None,
            "exception": False,
            "start_time": entry["at"],
            "status": "running",
        }

    def _end(self, cell: Document, entry: Entry) -> None:
        self._join(entry["cell"])
        self.running, self._ended = None, entry["cell"]
        if entry.get("count") is not None:
            cell["execution_count"] = entry["count"]
            for output in cell["outputs"]:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = entry["count"]
        failed = entry["state"] in ("FAILED", "STOPPED")
        times = cell["metadata"].setdefault("papermill", {"start_time": entry["at"]})
        times |= {
            "duration": entry.get("seconds"),
            "end_time": entry["at"],
            "exception": failed,
            "status": "failed" if failed else "completed",
        }

    def _output(self, entry: Entry) -> None:
        output, position = entry["output"], entry["cell"]
        outputs = self._cell(entry)["outputs"]
        if output["output_type"] == "stream":
            last = outputs[-1] if outputs else None
            pieces = self._texts.get(position)
            if last and last["output_type"] == "stream" and last["name"] == output["name"]:
                if pieces is None:
                    self._texts[position] = [last["text"], output["text"]]
                else:
                    pieces.append(output["text"])
                return
            self._join(position)
            outputs.append(dict(output))
            return
        self._join(position)
        made = dict(output)
        outputs.append(made)
        if (name := entry.get("display_id")) is not None:
            self._displays.setdefault(name, []).append(made)

    def _join(self, position: int) -> None:
        pieces = self._texts.pop(position, None)
        if pieces is not None:
            self.document["cells"][position]["outputs"][-1]["text"] = "".join(pieces)

    def _update(self, entry: Entry) -> None:
        for output in self._displays.get(entry["display_id"], ()):
            output["data"], output["metadata"] = entry["data"], entry["metadata"]

    def _widget(self, entry: Entry) -> None:
        widgets = self.document["metadata"].setdefault("widgets", {})
        kept = widgets.setdefault(WIDGETS, {"state": {}, "version_major": 2, "version_minor": 0})[
            "state"
        ]
        model, state = entry["id"], entry["state"]
        if model not in kept:
            kept[model] = {
                "model_module": state.get("_model_module"),
                "model_module_version": state.get("_model_module_version"),
                "model_name": state.get("_model_name"),
                "state": {},
            }
        kept[model]["state"] |= state
        if buffers := entry.get("buffers"):
            paths = [buffer["path"] for buffer in buffers]
            older = [b for b in kept[model].get("buffers", ()) if b["path"] not in paths]
            kept[model]["buffers"] = older + buffers

    def _done(self, entry: Entry) -> None:
        self.is_done = True
        self.running = None
        metadata = self.document["metadata"]
        metadata.setdefault("papermill", {}).update(
            {
                "end_time": entry["at"],
                "duration": entry["seconds"],
                "exception": entry["failed"] or None,
            }
        )
        if entry.get("language_info"):
            metadata["language_info"] = entry["language_info"]
        for cell in self.document["cells"]:
            if cell["cell_type"] == "code" and "papermill" not in cell["metadata"]:
                cell["metadata"]["papermill"] = {
                    "duration": None,
                    "end_time": None,
                    "exception": None,
                    "start_time": None,
                    "status": "pending",
                }


def plain_text(output: Mapping[str, Json]) -> str:
    """What an output says as text."""
    match output.get("output_type"):
        case "stream":
            return str(output["text"])
        case "error":
            return f"{output['ename']}: {output['evalue']}\n"
        case _:
            text = output.get("data", {}).get("text/plain", "")
            return f"{text}\n" if text else ""


def is_skipped(cell: Mapping[str, Json], skip: str) -> bool:
    return skip in tags(cell) or not str(cell["source"]).strip()

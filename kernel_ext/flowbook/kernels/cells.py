"""Runs one cell: what the kernel publishes becomes entries of the executed copy, within bounds."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .executed import Entry, plain_text
from .notebook import Json
from .parameters import masked

MAX_OUTPUT = 10 * 1024 * 1024
MAX_TEXT = 2048
NO_KEYBOARD = "flowbook runs notebooks without a keyboard: make it a parameter"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(slots=True)
class CellOutputs:
    """Turns the messages of one cell into entries; counts, bounds and masks them."""

    position: int
    emit: Callable[[Entry], None]
    secrets: Sequence[str] = ()
    limit: int = MAX_OUTPUT
    count: int = 0
    text: str = ""
    error: dict[str, Any] | None = None
    size: int = 0
    is_cut: bool = False
    _clear_first: bool = False
    _stream: str | None = None
    _held: tuple[str, str] = ("stdout", "")
    """The end of a stream that may be the beginning of a secret, until more is known."""

    def hear(self, message: Mapping[str, Any]) -> None:
        """One message that the kernel published for this cell."""
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self._stream_text(content["name"], content["text"])
            case "display_data" | "execute_result" as kind:
                output = {
                    "output_type": kind,
                    "data": content["data"],
                    "metadata": content.get("metadata") or {},
                }
                if kind == "execute_result":
                    output["execution_count"] = content.get("execution_count")
                self._add(output, content.get("transient", {}).get("display_id"))
            case "update_display_data":
                self._update(content)
            case "error":
                self._error(content)
            case "clear_output":
                if content.get("wait"):
                    self._clear_first = True
                else:
                    self._clear()

    def fail(self, name: str, value: str, traceback: Sequence[str] = ()) -> None:
        """An error the kernel did not tell: a death, a timeout."""
        # front ends show the traceback alone
        self._error(
            {"ename": name, "evalue": value, "traceback": list(traceback) or [f"{name}: {value}"]}
        )

    def _error(self, content: Mapping[str, Any]) -> None:
        name, value, lines = content["ename"], content["evalue"], list(content["traceback"])
        if name == "StdinNotImplementedError":
            lines = [line.replace(value, NO_KEYBOARD) for line in lines]
            value = NO_KEYBOARD
        output = {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}
        output = masked(output, self.secrets)
        self.error = {
            "name": output["ename"],
            "message": output["evalue"],
            "traceback": _ANSI.sub("", "\n".join(output["traceback"])),
        }
        self._add(output, bounded=False)

    def finish(self) -> None:
        """Let out what was held back: the cell has ended."""
        name, text = self._held
        self._held = (name, "")
        if text:
            self._put_or_cut({"output_type": "stream", "name": name, "text": text})

    def _stream_text(self, name: str, text: str) -> None:
        if self._held[0] != name:
            self.finish()
        text = masked(
            self._held[1] + text, self.secrets
        )  # whole ones first: one may end as it begins
        keep = _beginning_of(text, self.secrets)
        self._held = (name, text[len(text) - keep :])
        if text := text[: len(text) - keep]:
            self._put_or_cut({"output_type": "stream", "name": name, "text": text})

    def _clear(self) -> None:
        self._held = ("stdout", "")
        self._clear_first = False
        self.count, self.text, self.size, self.is_cut, self._stream = 0, "", 0, False, None
        self.emit({"op": "clear", "cell": self.position})

    def _add(
        self, output: dict[str, Any], display_id: str | None = None, *, bounded: bool = True
    ) -> None:
        self.finish()
        self._put_or_cut(output, display_id, bounded=bounded)

    def _put_or_cut(
        self, output: dict[str, Any], display_id: str | None = None, *, bounded: bool = True
    ) -> None:
        if self._clear_first:
            self._clear()
        if bounded:
            if self.is_cut:
                return
            size = _size(output)
            if self.size + size > self.limit:
                if output["output_type"] == "stream":
                    room = self.limit - self.size
                    self._put(output | {"text": output["text"][:room]})
                self._cut()
                return
            self.size += size
        self._put(output, display_id)

    def _put(self, output: dict[str, Any], display_id: str | None = None) -> None:
        output = masked(output, self.secrets)
        stream = output.get("name") if output["output_type"] == "stream" else None
        if stream is None or stream != self._stream:
            self.count += 1
        self._stream = stream
        if len(self.text) < MAX_TEXT and output["output_type"] != "error":
            self.text = (self.text + plain_text(output))[:MAX_TEXT]
        entry: dict[str, Any] = {"op": "output", "cell": self.position, "output": output}
        if display_id is not None:
            entry["display_id"] = display_id
        self.emit(entry)

    def _cut(self) -> None:
        self.is_cut = True
        unit, said = (2**20, "MiB") if self.limit >= 2**20 else (1000, "kB")
        amount = f"{self.limit / unit:g} {said}"
        note = f"\n[cut by flowbook: this cell's outputs exceed {amount}; flowbook.notebooks.max-output sets the limit]\n"
        self._put({"output_type": "stream", "name": "stderr", "text": note})

    def _update(self, content: Mapping[str, Any]) -> None:
        name = content.get("transient", {}).get("display_id")
        size = _size({"data": content["data"]})
        if name is None or size > self.limit:
            return
        self.emit(
            {
                "op": "update",
                "display_id": name,
                "data": masked(content["data"], self.secrets),
                "metadata": content.get("metadata") or {},
            }
        )


def _size(output: Mapping[str, Json]) -> int:
    if "text" in output:
        return len(output["text"])
    return sum(
        len(value) if isinstance(value, str) else len(str(value))
        for value in output.get("data", {}).values()
    )


def _beginning_of(text: str, secrets: Sequence[str]) -> int:
    """Length of the longest end of a text that a secret begins with, without being whole."""
    return max(
        (
            size
            for secret in secrets
            for size in range(1, min(len(secret), len(text) + 1))
            if text.endswith(secret[:size])
        ),
        default=0,
    )


@dataclass(slots=True)
class Widgets:
    """Follows the comms of widgets, so that the copy shows them as they ended."""

    emit: Callable[[Entry], None]
    secrets: Sequence[str] = ()
    left: int = MAX_OUTPUT * 5
    _models: set[str] = field(default_factory=set)

    def hear(self, message: Mapping[str, Any]) -> None:
        content = message["content"]
        match message["msg_type"]:
            case "comm_open" if content.get("target_name") == "jupyter.widget":
                self._models.add(content["comm_id"])
                self._keep(content["comm_id"], content["data"], message.get("buffers", ()))
            case "comm_msg" if content["comm_id"] in self._models:
                if content["data"].get("method") in ("update", "echo_update"):
                    self._keep(content["comm_id"], content["data"], message.get("buffers", ()))

    def _keep(self, model: str, data: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        state = data.get("state") or {}
        kept = [
            {"encoding": "base64", "path": path, "data": base64.b64encode(buffer).decode()}
            for path, buffer in zip(data.get("buffer_paths") or (), buffers, strict=False)
        ]
        self.left -= len(str(state)) + sum(len(buffer["data"]) for buffer in kept)
        if self.left < 0:
            return
        entry: dict[str, Any] = {"op": "widget", "id": model, "state": masked(state, self.secrets)}
        self.emit(entry | ({"buffers": kept} if kept else {}))


def error_line(traceback: str, execution_count: int | None) -> int | None:
    """The line of the cell an ipykernel traceback ends in: of the cell's own frame, the innermost."""
    found = re.findall(r"Cell In\s*\[(\d+)\],? line (\d+)", traceback)
    own = [
        int(line)
        for count, line in found
        if execution_count is None or int(count) == execution_count
    ]
    return own[-1] if own else None


def source_line(source: str, line: int) -> str:
    """One line of a cell, without its indentation."""
    rows = source.splitlines()
    return rows[line - 1].strip() if 0 < line <= len(rows) else ""


def excerpt(source: str, line: int | None) -> str:
    """Three lines of a cell around the one at fault, marked."""
    if line is None:
        return ""
    rows = source.splitlines()
    shown = range(max(1, line - 1), min(len(rows), line + 1) + 1)
    return "\n".join(f"{'→' if n == line else ' '} {n:>3} | {rows[n - 1]}" for n in shown)

"""A parked kernel, looked into: code runs in it, its variables are listed and read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import Conflict, FlowbookError, NotFound
from . import declared, handed_out
from .client import KernelClient
from .executed import plain_text
from .warm import Warm

ANSWERS = 30.0
"""Seconds a kernel has to say that it is there: one that is busy answers later."""
_LISTING = """
def __flowbook():
    import json, types
    hidden = set(get_ipython().user_ns_hidden) | {"In", "Out", "__flowbook"}
    rows = []
    for name, value in list(globals().items()):
        if name.startswith("_") or name in hidden or isinstance(value, types.ModuleType):
            continue
        try:
            shape = getattr(value, "shape", None)
            size = " × ".join(map(str, shape)) if isinstance(shape, tuple) else str(len(value))
        except Exception:
            size = ""
        try:
            text = repr(value) if not hasattr(value, "shape") else ""
        except Exception as error:
            text = f"<{type(error).__name__}>"
        text = text.replace("\\n", " ")
        text = text if len(text) <= 80 else text[:79] + "…"
        rows.append({"name": name, "type": type(value).__name__, "size": size, "value": text})
    print(json.dumps(sorted(rows, key=lambda row: row["name"].lower())))
__flowbook()
del __flowbook
"""
GONE = {
    "time": "its time was over",
    "count": "others needed its place (flowbook.kernels.max-parked)",
    "memory": "others needed its memory (flowbook.kernels.max-memory)",
    "ended": "somebody ended it",
    "replaced": "a later attempt has its place",
    "died": "it ended by itself",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What code that ran in a parked kernel has shown."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    """As a notebook holds them."""
    error: Mapping[str, Any] | None = None
    """`name message traceback`."""

    @property
    def text(self) -> str:
        return "".join(plain_text(output) for output in self.outputs)

    @property
    def result(self) -> Mapping[str, Any] | None:
        """The last thing displayed, by MIME type."""
        found = [output["data"] for output in self.outputs if "data" in output]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class ParkedKernel:
    """A parked kernel and the way to it."""

    row: Mapping[str, Any]
    connection: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def file(self) -> Path:
        """Its connection file: `jupyter console --existing FILE` opens it."""
        return Path(self.row["file"])

    @property
    def until(self) -> datetime:
        """When it ends."""
        return datetime.fromisoformat(self.row["until"])

    async def execute(self, code: str) -> Shown:
        """Run code in it, as a cell would. Raises `Conflict` while it is busy."""
        from .cells import CellOutputs
        from .executed import Executed

        kept = Executed(
            {
                "metadata": {},
                "cells": [{"cell_type": "code", "source": code, "metadata": {}, "outputs": []}],
            }
        )
        heard = CellOutputs(0, kept.apply)
        async with KernelClient(self.connection) as client:
            try:
                await asyncio.wait_for(client.ready(), ANSWERS)
            except TimeoutError:
                raise Conflict(f"The kernel is busy: it didn't answer in {ANSWERS:g} s") from None
            await client.execute(code, heard.hear, store_history=False)
        heard.finish()
        return Shown(kept.outputs(0), heard.error)

    async def interrupt(self) -> None:
        """Stop what somebody runs in it."""
        if self.row["interruptsByMessage"]:
            async with KernelClient(self.connection) as client:
                client.interrupt()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(self.row["pid"]), signal.SIGINT)

    async def variables(self) -> list[dict[str, str]]:
        """Its variables: name, type, size, value. Raises `FlowbookError` for other languages than Python."""
        self._is_python("variables are listed")
        shown = await self.execute(_LISTING)
        _no_error(shown)
        rows: list[dict[str, str]] = json.loads(shown.text)
        return rows

    async def value(self, name: str) -> Any:
        """A variable's value: JSON, a table as a DataFrame, a figure or file as its bytes. Raises `NotFound`."""
        folder = Path(tempfile.mkdtemp(prefix="flowbook-value-"))
        try:
            return await self._read(name, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _read(self, name: str, folder: Path) -> Any:
        (folder / "outputs").mkdir()
        language, wanted = str(self.row["language"]), [(name, name)]
        code = declared.snippet(language, wanted, folder)
        if language == "python":
            code = _elsewhere(code, folder)
        shown = await self.execute(code)
        if shown.error is not None and shown.error["name"] == "NameError":
            raise NotFound(f"The kernel has no variable '{name}'")
        _no_error(shown)
        found, missing = declared.read(language, wanted, folder)
        handed = {**handed_out.collect(folder), **found}.get(name)
        if missing or handed is None:
            raise NotFound(f"The kernel has no variable '{name}'")
        if handed.path is None:
            return handed.value
        return _table(handed.path) if handed.kind == "table" else handed.path.read_bytes()

    def _is_python(self, what: str) -> None:
        if self.row["language"] != "python":
            raise FlowbookError(
                f"{what} in Python kernels only, and this one speaks {self.row['language']}"
            )


def _elsewhere(code: str, folder: Path) -> str:
    """Code that hands out, with another folder as its channel."""
    return f"""
import os as __os
__channel = __os.environ.get("FLOWBOOK_RUN")
__os.environ["FLOWBOOK_RUN"] = {str(folder)!r}
try:
{chr(10).join("    " + line for line in code.strip().splitlines())}
finally:
    __os.environ.pop("FLOWBOOK_RUN")
    if __channel is not None:
        __os.environ["FLOWBOOK_RUN"] = __channel
    del __os, __channel
"""


def _no_error(shown: Shown) -> None:
    if shown.error is not None:
        raise FlowbookError(f"{shown.error['name']}: {shown.error['message']}")


def _table(path: Path) -> Any:
    try:
        import pandas
    except ImportError:
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path)
    return pandas.read_parquet(path)


async def find(warm: Warm, key: str) -> ParkedKernel | None:
    """The kernel parked for a task run; `None` if there is none."""
    said = await warm.parked(key)
    if said is None or "parked" not in said:
        return None
    return ParkedKernel(said["parked"], said["connection"])


async def find_by_id(warm: Warm, kernel_id: str) -> ParkedKernel | None:
    """A parked kernel by its own id."""
    for row in (await warm.listed() or {}).get("parked", ()):
        if row["id"] == kernel_id:
            return await find(warm, row["key"])
    return None


async def why_gone(warm: Warm, key: str) -> str:
    """What became of the kernel that was parked for a task run, as far as is known."""
    said = await warm.parked(key)
    gone = None if said is None else said.get("gone")
    return "" if gone is None else GONE[gone["reason"]]

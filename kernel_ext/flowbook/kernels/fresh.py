"""One fresh kernel for all the pieces of code of an execution, started by the first of them."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import declared
from .cells import CellOutputs, error_line
from .client import KernelClient
from .pieces import ENDED, CodeError, Heard, Piece
from .run import GRACE, START_TIMEOUT
from .stock import Kernel, Kernels, NoKernel, ends_by_shell, find_spec

PACKAGES = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Lent:
    """A kernel that runs, and how to talk to it."""

    kernel: Kernel
    client: KernelClient
    death: asyncio.Task[Any]
    stack: AsyncExitStack


class FreshKernel:
    """A kernel of its own for the pieces of one execution in one language."""

    def __init__(
        self,
        kernels: Kernels,
        language: str,
        *,
        cwd: Path,
        env: Mapping[str, str],
        folder: Path,
        secrets: Sequence[str] = (),
    ) -> None:
        self._kernels, self._language = kernels, language
        self._cwd, self._env = cwd, env
        self.folder = folder
        """For the log of the kernel."""
        self.secrets = secrets
        """Masked in what is heard and said."""
        self._lock = asyncio.Lock()
        self._lent: Lent | None = None
        self._ran = False
        """Whether a piece has left variables in the kernel."""

    async def run(self, piece: Piece, heard: Heard) -> CodeError | None:
        async with self._lock:
            if self._lent is None and self._ran:
                message = f"'{piece.title}' can't go on: {ENDED}"
                return CodeError(message=message, kind="DeadKernel")
            if self._lent is None:
                try:
                    self._lent = await self._start()
                except NoKernel as none:
                    return CodeError(message=str(none), kind="NoKernel")
            error = await self._carry_out(self._lent, piece, heard)
            self._ran = self._ran or error is None
            return error

    async def close(self) -> None:
        """End the kernel."""
        lent, self._lent = self._lent, None
        if lent is not None:
            await lent.stack.aclose()

    async def _start(self) -> Lent:
        name = await asyncio.to_thread(kernel_of, self._language)
        spec = find_spec(name)
        log = self.folder / "kernel.log"
        async with AsyncExitStack() as stack:
            kernel = await self._kernels.take(spec, name, cwd=self._cwd, env=self._env, log=log)
            stack.push_async_callback(kernel.kill)
            death = asyncio.create_task(kernel.ended())
            stack.callback(death.cancel)
            client = await stack.enter_async_context(KernelClient(kernel.connection))
            ready = asyncio.create_task(client.ready())
            stack.callback(ready.cancel)
            await asyncio.wait(
                {ready, death}, timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
            )
            if death.done():
                raise NoKernel(f"The kernel '{name}' died while it started ({death.result()})")
            if not ready.done():
                raise NoKernel(f"The kernel '{name}' did not answer within {START_TIMEOUT:g} s")
            stack.push_async_callback(_ask_to_end, client, death, ends_by_shell(spec))
            return Lent(kernel, client, death, stack.pop_all())
        raise AssertionError("unreachable")

    async def _carry_out(self, lent: Lent, piece: Piece, heard: Heard) -> CodeError | None:
        await self._execute(lent, _prologue(self._language, piece.folder), None)
        outputs = CellOutputs(-1, lambda entry: _pass_on(entry, heard), self.secrets)
        reply = await self._execute(lent, piece.code, outputs, keep=True)
        outputs.finish()
        if reply is None:
            return await self._died(piece)
        if reply.get("status") != "ok":
            return _failed(piece, reply, outputs)
        return await self._hand_out(lent, piece, reply.get("execution_count"))

    async def _hand_out(self, lent: Lent, piece: Piece, count: int | None) -> CodeError | None:
        code = _epilogue(self._language, piece, count)
        if not code:
            return None
        outputs = CellOutputs(-1, lambda entry: None, self.secrets)
        reply = await self._execute(lent, code, outputs)
        if reply is None:
            return await self._died(piece)
        if (error := outputs.error) is not None:
            if error["name"] == "NameError":
                return piece.undefined(str(error["message"]))
            return CodeError(message=str(error["message"]), kind=str(error["name"]))
        missing = await asyncio.to_thread(_gather, self._language, piece)
        return piece.undefined(", ".join(missing)) if missing else None

    async def _execute(
        self, lent: Lent, code: str, outputs: CellOutputs | None, *, keep: bool = False
    ) -> Mapping[str, Any] | None:
        """The reply to some code; `None` if the kernel died of it."""
        hear = outputs.hear if outputs is not None else None
        work = asyncio.create_task(lent.client.execute(code, hear, store_history=keep))
        try:
            await asyncio.wait({work, lent.death}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._interrupt(lent, work)
            raise
        if work.done():
            return work.result()
        work.cancel()
        await lent.client.drain()
        return None

    async def _interrupt(self, lent: Lent, work: asyncio.Task[Any]) -> None:
        """Stop the code: gently, then with its kernel."""
        if lent.kernel.interrupts_by_message:
            lent.client.interrupt()
        else:
            lent.kernel.interrupt()
        await asyncio.wait({work, lent.death}, timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            await asyncio.shield(self.close())

    async def _died(self, piece: Piece) -> CodeError:
        how = self._lent.death.result() if self._lent is not None else "its end was not seen"
        await self.close()
        message = f"The kernel died in '{piece.title}' ({how})"
        return CodeError(message=message, kind="DeadKernel")


def kernel_of(language: str) -> str:
    """The kernel for a language, or of that name. Raises `NoKernel` that names those installed."""
    if language == "python":
        return "python3"
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().get_all_specs()
    for name, found in specs.items():
        if language.lower() in (name.lower(), str(found["spec"].get("language", "")).lower()):
            return str(name)
    installed = ", ".join(sorted(specs)) or "none"
    raise NoKernel(f"No kernel for the language '{language}': installed are {installed}")


async def _ask_to_end(client: KernelClient, death: asyncio.Task[Any], by_shell: bool) -> None:
    if not death.done():
        client.ask_to_end(by_shell=by_shell)
        await asyncio.wait({death}, timeout=GRACE)


_PYTHON = """
import os as __flowbook
__flowbook.environ["FLOWBOOK_RUN"] = {folder!r}
try:
    import flowbook as __flowbook
except ImportError:
    import sys as __flowbook
    __flowbook.path.append({packages!r})
del __flowbook
"""


def _prologue(language: str, folder: Path) -> str:
    match language:
        case "python":
            return _PYTHON.format(folder=str(folder), packages=str(PACKAGES))
        case "bash":
            return f"export FLOWBOOK_RUN={shlex.quote(str(folder))}"
    return ""


def _epilogue(language: str, piece: Piece, count: int | None) -> str:
    """Code that hands on the declared names, and in Python the value of the last expression."""
    pairs = [(name, name) for name in piece.outputs]
    code = declared.snippet(language, pairs, piece.folder) if pairs else ""
    if language == "python" and piece.result and count is not None:
        code += f"""
from flowbook.running import hand_out_result as __flowbook
__flowbook(globals().get("Out", {{}}).get({count}))
del __flowbook
"""
    return code


def _gather(language: str, piece: Piece) -> Sequence[str]:
    """Enter what other languages left in files into the channel's index; the names not there."""
    pairs = [(name, name) for name in piece.outputs]
    found, missing = declared.read(language, pairs, piece.folder) if pairs else ({}, ())
    lines = [
        json.dumps({"name": name, "kind": "json", "value": one.value})
        for name, one in found.items()
    ]
    if lines:
        with (piece.folder / "outputs" / "index.jsonl").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    return missing


def _pass_on(entry: Mapping[str, Any], heard: Heard) -> None:
    output = entry.get("output") or {}
    if output.get("output_type") == "stream":
        heard(str(output["name"]), str(output["text"]))


def _failed(piece: Piece, reply: Mapping[str, Any], outputs: CellOutputs) -> CodeError:
    if outputs.error is None:
        lines = reply.get("traceback") or []
        outputs.fail(str(reply.get("ename") or "Error"), str(reply.get("evalue") or ""), lines)
    error = outputs.error or {}
    trace = str(error["traceback"])
    line = error_line(trace, reply.get("execution_count"))
    return piece.failure(str(error["name"]), str(error["message"]), line, trace)

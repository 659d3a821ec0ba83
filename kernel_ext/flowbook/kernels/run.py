"""Runs one notebook in a kernel of its own, from its parameters to the executed copy.

Theory of operation: everything that happens becomes an entry, applied to the copy in memory and
appended to the journal. Waiting is always for several things at once: the cell's end, the kernel's
end, the cell's time limit, a cancellation. Whichever comes, the copy is written and no process is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import declared, handed_out
from .cells import CellOutputs, error_line, excerpt, source_line
from .client import KernelClient
from .executed import is_skipped
from .journal import Journal
from .notebook import INJECTED, RAISES, SKIP, Document, Json, numbered, tags, write
from .parameters import masked
from .prepared import Prepared, prepare
from .stock import Kernel, Kernels, NoKernel, Stock, ends_by_shell
from .telling import Telling
from .terms import (
    CellNews,
    News,
    NotebookError,
    NotebookResult,
    NotebookRun,
)
from .translate import duration_text

START_TIMEOUT = 60.0
GRACE = 5.0
"""Seconds an interrupted cell, or a kernel asked to end, has before it is killed."""


async def run(task: NotebookRun, news: News, *, kernels: Kernels | None = None) -> NotebookResult:
    """Run a notebook to its end.

    What is wrong before a kernel starts is raised as a `FlowbookError`, all later failures are the
    result's `error`. Cancelling interrupts the cell, ends the kernel after `GRACE` seconds at most
    and leaves the executed copy in `out_dir`.
    """
    kernels = kernels or Stock()
    parked = None
    if task.continues is not None:
        parked = await kernels.resume(task.continues.key)
        task.continues.resumed(None if parked is None else parked[0].release)
    try:
        prepared = await asyncio.to_thread(prepare, task, resumed=parked is not None)
    except BaseException:
        if parked is not None:
            await parked[0].kill()
        raise
    return await _Running(task, prepared, news, parked).carry(kernels)


class _Failed(Exception):
    def __init__(self, error: NotebookError) -> None:
        self.error = error


class _Running:
    """One notebook while it runs."""

    def __init__(
        self,
        task: NotebookRun,
        prepared: Prepared,
        news: News,
        parked: tuple[Kernel, Mapping[str, Any]] | None = None,
    ) -> None:
        self.task = task
        self.prepared = prepared
        self.parked = parked
        self.document = prepared.document
        self.telling = Telling(task, prepared.shown, news)
        self.total = self.telling.total
        self.copy = task.out_dir / prepared.notebook.name
        self.started = datetime.now(UTC)
        self.language_info: Json = None
        self.answers = False

    async def carry(self, kernels: Kernels) -> NotebookResult:
        error: NotebookError | None = None
        stopped = False
        telling = self.telling
        shown, name = telling.executed.document, self.copy.name
        with Journal(self.task.out_dir, shown, self.task.meta, name) as telling.journal:
            ticker = asyncio.create_task(telling.tick())
            try:
                await self._in_kernel(kernels)
            except _Failed as failure:
                error = failure.error
            except NoKernel as failure:
                error = NotebookError(message=str(failure), kind="NoKernel")
            except BaseException:
                stopped = True
                raise
            finally:
                ticker.cancel()
                telling.look()
                self._finish(failed=stopped or error is not None)
        outputs = handed_out.collect(self.task.out_dir)
        if error is None and self.task.outputs:
            found, missing = declared.read(
                self.prepared.language, self.task.outputs, self.task.out_dir
            )
            outputs |= found
            if missing:
                error = NotebookError(
                    message=_undefined(self.prepared.notebook.name, missing), kind="NameError"
                )
        cells = {"total": self.total, "done": telling.done, "failed": telling.failed}
        warnings = [*self.prepared.warnings, *(o.warning for o in outputs.values() if o.warning)]
        return NotebookResult(
            outputs=outputs, executed=self.copy, cells=cells, error=error, warnings=warnings
        )

    def _finish(self, *, failed: bool) -> None:
        now = datetime.now(UTC)
        self.telling.emit(
            {
                "op": "done",
                "at": now.isoformat(),
                "seconds": (now - self.started).total_seconds(),
                "failed": failed,
                "language_info": self.language_info,
            }
        )
        executed = self.telling.executed
        write(executed.settled(), self.copy, executed.ready)

    async def _in_kernel(self, kernels: Kernels) -> None:
        kernel = await self._taken(kernels)
        death = asyncio.create_task(kernel.ended())
        failed = True
        try:
            async with KernelClient(kernel.connection) as client:
                client.on_any = self.telling.comms()
                try:
                    await self._until_ready(client, kernel, death)
                    await self._moved_in(client, death)
                    await self._cells(client, kernel, death)
                    await self._declared(client, death)
                    failed = False
                finally:
                    if not death.done() and not await self._is_parked(kernel, failed=failed):
                        if self.answers and not _is_cancelled():
                            client.ask_to_end(by_shell=ends_by_shell(self.prepared.spec))
                            await asyncio.wait({death}, timeout=GRACE)
        finally:
            death.cancel()
            await asyncio.shield(kernel.kill())

    async def _taken(self, kernels: Kernels) -> Kernel:
        if self.parked is not None:
            handed_out.take_over(self.parked[1]["order"]["out_dir"], self.task.out_dir)
            return self.parked[0]
        task = self.task
        return await kernels.take(
            self.prepared.spec,
            self.prepared.kernel,
            cwd=task.cwd,
            env={**task.env, "FLOWBOOK_RUN": str(task.out_dir)},
            log=task.out_dir / "kernel.log",
            parks=task.parking is not None,
        )

    async def _moved_in(self, client: KernelClient, death: asyncio.Task[Any]) -> None:
        """Have a kernel that was parked hand its results to this run."""
        if self.parked is None:
            return
        code = declared.channel(self.prepared.language, self.task.out_dir)
        if code:
            await self._quietly(client, code, death)

    async def _is_parked(self, kernel: Kernel, *, failed: bool) -> bool:
        parking = self.task.parking
        if parking is None or not (failed or parking.always):
            return False
        if not self.answers and self.parked is None:
            return False  # it never came to life
        if _is_cancelled() and not parking.is_timeout():
            return False
        order = {
            **parking.order,
            "out_dir": str(self.task.out_dir),
            "folders": parking.folders(),
            "language": self.prepared.language,
            "interrupts_by_message": kernel.interrupts_by_message,
        }
        order["about"] = {**order["about"], "kernel": self.prepared.kernel}
        answer = await kernel.park(order)
        parking.told(answer, kernel.release)
        return answer is not None

    async def _until_ready(
        self, client: KernelClient, kernel: Kernel, death: asyncio.Task[Any]
    ) -> None:
        ready = asyncio.create_task(client.ready())
        name = self.prepared.kernel
        try:
            await asyncio.wait(
                {ready, death}, timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
            )
            if ready.done():
                self.answers = True
                self.language_info = ready.result().get("language_info")
                return
        finally:
            ready.cancel()
        tail = _tail(self.task.out_dir / "kernel.log")
        if death.done():
            message = f"The kernel '{name}' died while it started ({death.result()})" + (
                f": {tail.splitlines()[-1]}" if tail else ""
            )
        elif self.parked is not None:
            message = (
                f"The parked kernel is busy (no answer within {duration_text(START_TIMEOUT)}): "
                "let what runs in it end, or interrupt it"
            )
        else:
            message = f"The kernel '{name}' did not answer within {duration_text(START_TIMEOUT)}"
        raise _Failed(NotebookError(message=message, kind="NoKernel", traceback=tail, died=True))

    async def _cells(self, client: KernelClient, kernel: Kernel, death: asyncio.Task[Any]) -> None:
        positions = {id(cell): i for i, cell in enumerate(self.document["cells"])}
        for number, cell in numbered(self.document):
            waits = positions[id(cell)] >= self.prepared.start and not is_skipped(cell, SKIP)
            if number and waits:
                self.telling.tell(
                    CellNews(cell=number, total=self.total, id=cell["id"], state="WAITING")
                )
        for number, cell in numbered(self.document):
            position = positions[id(cell)]
            if position < self.prepared.start:
                self.telling.copied(number, cell, position)
            elif is_skipped(cell, SKIP):
                self.telling.skipped(number, cell)
            else:
                await self._cell(client, kernel, death, number, position, cell)

    async def _cell(
        self,
        client: KernelClient,
        kernel: Kernel,
        death: asyncio.Task[Any],
        number: int,
        position: int,
        cell: Document,
    ) -> None:
        outputs = CellOutputs(position, self.telling.emit, self.task.secrets, self.task.max_output)
        self.telling.outputs = outputs
        self.telling.begin(number, position, cell)

        def hear(message: Mapping[str, Any]) -> None:
            outputs.hear(message)
            self.telling.dirty = True

        execution = asyncio.create_task(client.execute(cell["source"], hear))
        asyncio.get_running_loop().call_soon(self.telling.executed.get_ready)  # once that is sent
        where = f"cell {number} of {self.total}" if number else "the cell of injected parameters"
        try:
            await asyncio.wait(
                {execution, death},
                timeout=self.task.cell_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
        except asyncio.CancelledError:
            await self._interrupt(client, kernel, execution, death)
            outputs.error = None
            self.telling.end(position, "STOPPED", None)
            raise
        if death.done() and not execution.done():
            execution.cancel()
            await client.drain()
            message = f"The kernel died in {where} ({death.result()})"
            outputs.fail("DeadKernel", message)
            self.telling.end(position, "FAILED", None)
            tail = _tail(self.task.out_dir / "kernel.log")
            raise self._failure(message, "DeadKernel", number, cell, None, tail, died=True)
        if not execution.done():
            await self._interrupt(client, kernel, execution, death)
            message = (
                f"{_title(where)} took longer than {duration_text(self.task.cell_timeout or 0)}"
            )
            outputs.fail("Timeout", message)
            self.telling.end(position, "STOPPED", None)
            raise self._failure(message, "Timeout", number, cell, None)
        self._settle(execution.result(), outputs, number, position, cell, where)

    def _settle(
        self,
        reply: Mapping[str, Any],
        outputs: CellOutputs,
        number: int,
        position: int,
        cell: Document,
        where: str,
    ) -> None:
        ran = reply.get("execution_count")
        if reply.get("status") == "ok" and outputs.error is None:
            self.telling.end(position, "DONE", ran)
            return
        if outputs.error is None:
            if reply.get("status") == "aborted":
                outputs.fail("Aborted", "the kernel did not run the cell")
            else:  # kernels that tell an error in the reply only
                lines = reply.get("traceback") or []
                outputs.fail(
                    str(reply.get("ename") or "Error"), str(reply.get("evalue") or ""), lines
                )
        error = outputs.error or {}
        if RAISES in tags(cell):
            self.telling.end(position, "DONE", ran)
            return
        if reply.get("status") == "ok":  # a display of an error, by a kernel whose cell went on
            self.telling.end(position, "DONE", ran)
            return
        trace = str(error["traceback"])
        line = error_line(trace, ran)
        if line is not None:
            said_in = source_line(cell["source"], line)
            error |= {"line": line, "source": masked(said_in, self.task.secrets)}
        self.telling.end(position, "FAILED", ran)
        said = f"{error['name']}: {error['message']}" if error["message"] else str(error["name"])
        message = (
            f"{_title(where)} was interrupted"
            if error["name"] == "KeyboardInterrupt"
            else f"{_title(where)} failed: {said}"
        )
        raise self._failure(message, str(error["name"]), number, cell, line, trace)

    def _failure(
        self,
        message: str,
        kind: str,
        number: int,
        cell: Document,
        line: int | None,
        traceback: str = "",
        *,
        died: bool = False,
    ) -> _Failed:
        shown = "" if INJECTED in tags(cell) else excerpt(cell["source"], line)
        secrets = self.task.secrets
        return _Failed(
            NotebookError(
                message=masked(message, secrets),
                kind=kind,
                cell=number or None,
                line=line,
                excerpt=masked(shown, secrets),
                traceback=masked(traceback, secrets),
                died=died,
            )
        )

    async def _interrupt(
        self,
        client: KernelClient,
        kernel: Kernel,
        execution: asyncio.Task[Any],
        death: asyncio.Task[Any],
    ) -> None:
        """Stop a cell: gently, then with its kernel."""
        if kernel.interrupts_by_message:
            client.interrupt()
        else:
            kernel.interrupt()
        try:
            await asyncio.wait(
                {execution, death}, timeout=GRACE, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            execution.cancel()
            if not execution.done():
                await asyncio.shield(kernel.kill())

    async def _declared(self, client: KernelClient, death: asyncio.Task[Any]) -> None:
        if not self.task.outputs:
            return
        code = declared.snippet(self.prepared.language, self.task.outputs, self.task.out_dir)
        error = await self._quietly(client, code, death)
        if error and self.prepared.language == "python":
            message = str(error["message"])
            if error["name"] == "NameError":
                message = _undefined(self.prepared.notebook.name, [message])
            raise _Failed(
                NotebookError(message=message, kind=error["name"], traceback=error["traceback"])
            )

    async def _quietly(
        self, client: KernelClient, code: str, death: asyncio.Task[Any]
    ) -> Mapping[str, Any] | None:
        """Run code of ours, which the copy doesn't show; its error."""
        heard = CellOutputs(-1, lambda entry: None, self.task.secrets)
        execution = asyncio.create_task(client.execute(code, heard.hear, store_history=False))
        try:
            await asyncio.wait({execution, death}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            execution.cancel()
        if not execution.done() or death.done():
            message = f"The kernel died between the cells ({death.result()})"
            raise _Failed(NotebookError(message=message, kind="DeadKernel", died=True))
        return heard.error


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _title(where: str) -> str:
    return where[0].upper() + where[1:]


def _undefined(notebook: str, names: Sequence[str]) -> str:
    return f"{notebook} did not define {', '.join(repr(name) for name in names)}"


def _tail(path: Path, size: int = 4096) -> str:
    with contextlib.suppress(OSError):
        data = path.read_bytes()[-size:]
        return re.sub(r"\x1b\[[0-9;]*m", "", data.decode(errors="replace")).strip()
    return ""

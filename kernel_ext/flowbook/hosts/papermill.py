"""`papermill nb.ipynb out.ipynb --engine flowbook`: the same kernels and client, without a flow."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

from papermill.engines import Engine, NotebookExecutionManager
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import write_ipynb
from papermill.log import logger

from flowbook.elected import Seat
from flowbook.kernels.notebook import dump, parse
from flowbook.kernels.run import run
from flowbook.kernels.stock import Kernels, Stock
from flowbook.kernels.terms import CellNews, MetricNews, NotebookResult, NotebookRun
from flowbook.workspace.place import find


class FlowbookEngine(Engine):  # type: ignore[misc]
    """Runs papermill's notebooks; never touches nbclient and writes no error cells into the copy."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **options: Any,
    ) -> Any:
        """Run a notebook whose parameters papermill has injected. Raises `PapermillExecutionError`."""
        manager = NotebookExecutionManager(
            nb,
            output_path=output_path,
            progress_bar=progress_bar,
            log_output=log_output,
            autosave_cell_every=autosave_cell_every,
        )
        manager.notebook_start()

        def hear(news: CellNews | MetricNews) -> None:
            if not isinstance(news, CellNews) or news.state in ("WAITING", "RUNNING"):
                return
            if log_output and news.text:
                logger.info(news.text.rstrip("\n"))
            if manager.pbar:
                manager.pbar.update(1)

        with tempfile.TemporaryDirectory(prefix="flowbook-papermill-") as folder:
            result = _in_thread(_task(nb, kernel_name, Path(folder), options), hear)
            _take_over(nb, result.executed)
        manager.complete_pbar()
        manager.cleanup_pbar()
        for name, stream in (
            ("stdout", options.get("stdout_file")),
            ("stderr", options.get("stderr_file")),
        ):
            if stream is not None:
                stream.write(_streamed(nb, name))
        if result.error is not None:
            _raise(nb, result, output_path or nb.metadata.papermill.get("output_path"))
        manager.save()
        return nb


def _kernels() -> Kernels:
    """Those of the keeper of this folder's workspace, if it has one now."""
    seat = Seat(find().runtime, "kernels")
    if not seat.socket.exists() or not seat.is_held():
        return Stock()
    from flowbook.kernels.warm import Warm

    return Warm(seat)


def _task(nb: Any, kernel_name: str, folder: Path, options: dict[str, Any]) -> NotebookRun:
    shown = nb.metadata.papermill.get("input_path")
    path = folder / (
        Path(shown).name if isinstance(shown, str) and shown != "-" else "notebook.ipynb"
    )
    path.write_bytes(dump(parse(json.dumps(nb), path.name)))
    out = folder / "run"
    out.mkdir(mode=0o700)
    return NotebookRun(
        notebook=path,
        out_dir=out,
        cwd=Path.cwd(),
        env=dict(os.environ),
        kernel=kernel_name or None,
        cell_timeout=options.get("execution_timeout"),
    )


def _in_thread(task: NotebookRun, hear: Any) -> NotebookResult:
    """Run on a loop of its own: the caller may be inside one, as in a notebook."""
    loop = asyncio.new_event_loop()
    ended: list[NotebookResult | BaseException] = []
    running = loop.create_task(run(task, hear, kernels=_kernels()))

    def carry() -> None:
        try:
            ended.append(loop.run_until_complete(running))
        except BaseException as error:
            ended.append(error)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=carry, name="flowbook-papermill")
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        loop.call_soon_threadsafe(running.cancel)
        thread.join()
        raise
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


def _take_over(nb: Any, executed: Path) -> None:
    """Bring the executed cells into papermill's own notebook object."""
    import nbformat

    before = dict(nb.metadata.papermill)
    found = nbformat.from_dict(parse(executed.read_bytes(), executed.name))
    nb.nbformat, nb.nbformat_minor = found.nbformat, found.nbformat_minor
    nb.cells = found.cells
    for cell in nb.cells:
        if cell.cell_type != "code":
            cell.metadata.pop("papermill", None)
    nb.metadata = found.metadata
    times = {
        name: found.metadata.papermill.get(name) for name in ("end_time", "duration", "exception")
    }
    nb.metadata.papermill = nbformat.from_dict(before | times)
    nb.metadata.pop("flowbook", None)


def _streamed(nb: Any, name: str) -> str:
    return "".join(
        output.text
        for cell in nb.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == name
    )


def _raise(nb: Any, result: NotebookResult, output_path: str | None) -> None:
    """Fail as papermill does, with the copy written as it is: the caller would add cells to it."""
    if output_path is not None:
        write_ipynb(nb, output_path)
    assert result.error is not None
    for index, cell in enumerate(nb.cells):
        if cell.get("metadata", {}).get("papermill", {}).get("exception"):
            errors: list[Any] = [o for o in cell.outputs if o.output_type == "error"]
            error = errors[-1] if errors else {}
            raise PapermillExecutionError(
                cell_index=index,
                exec_count=cell.execution_count,
                source=cell.source,
                ename=error.get("ename", result.error.kind),
                evalue=error.get("evalue", result.error.message),
                traceback=error.get("traceback", []),
            )
    raise PapermillExecutionError(
        cell_index=0,
        exec_count=None,
        source="",
        ename=result.error.kind,
        evalue=result.error.message,
        traceback=[],
    )

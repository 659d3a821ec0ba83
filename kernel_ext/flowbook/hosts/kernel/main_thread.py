"""Runs cells and calls of a flow in the notebook's own namespace, while a magic waits for the flow.

Theory of operation: the engine's thread puts pieces into a queue, the main thread serves it from inside
the magic (`serve`), so that displays land under the waiting cell and signals reach the code. SIGINT has
two senders: a person, whose Ctrl-C ends the whole execution, and the engine, which stops one piece (a
timeout, a kill from elsewhere); the handler tells them apart by `_stopping`. Whoever is answered last
wins nothing: an attempt that was cancelled takes no answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Any

from flowbook.aside import run_aside
from flowbook.kernels.pieces import CodeError, Heard, Piece

GRACE = 5.0
"""Seconds that the end of a stopped piece is waited for."""
LEFT = CodeError(message="Nobody waits for the cell any longer", kind="Interrupted")


class MainThread:
    """The place for pieces of one execution, in the thread that waits for it."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._current: _Asked | None = None
        self._stopping: _Asked | None = None
        self._interrupted = False
        self._cancel: Callable[[], object] | None = None
        self._is_open = True
        self._is_over = False

    # -- the engine's side -----------------------------------------------------------------------

    async def run(self, piece: Piece, heard: Heard) -> CodeError | None:
        asked = _Asked(piece)
        with self._lock:
            if not self._is_open:
                return LEFT
            self._asked.put(asked)
        try:
            return await asyncio.shield(asked.answer)
        except asyncio.CancelledError:
            asked.is_dropped = True
            self._stop(asked)
            if asked.is_taken:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asked.left.wait(), GRACE)
            raise

    def _stop(self, asked: _Asked) -> None:
        """Have the main thread interrupted, if it runs this piece now."""
        main = threading.main_thread().ident
        with self._lock:
            if self._current is asked and main is not None:
                self._stopping = asked
                signal.pthread_kill(main, signal.SIGINT)

    def over(self) -> None:
        """Let `serve` return. Any thread."""
        self._is_over = True
        self._asked.put(None)

    # -- the main thread's side ------------------------------------------------------------------

    def serve(self) -> None:
        """Run what is asked for until `over`. Raises `KeyboardInterrupt` on Ctrl-C."""
        with self._hearing():
            while not self._is_over:
                if (asked := self._asked.get()) is not None:
                    self._carry_out(asked)

    def close(self) -> None:
        """Take no more; what still waits for its turn is refused."""
        with self._lock:
            self._is_open = False
        while not self._asked.empty():
            if (asked := self._asked.get()) is not None:
                asked.say(LEFT)

    def _carry_out(self, asked: _Asked) -> None:
        asked.is_taken = True
        if asked.is_dropped:
            return asked.leave()
        self._interrupted = False
        error: CodeError | None = None
        try:
            with self._lock:
                self._current = asked
            with _channel(asked.piece.folder):
                error = self._run(asked.piece)
        except KeyboardInterrupt:
            pass  # `_interrupted` says by whom
        finally:
            with self._lock:
                self._current = None
            asked.leave()
        if self._interrupted:
            raise KeyboardInterrupt
        asked.say(error)
        return None

    def _run(self, piece: Piece) -> CodeError | None:
        from flowbook import running

        result = self._execute(piece.code)
        if (error := result.error_before_exec or result.error_in_exec) is not None:
            return self._described(piece, error)
        try:
            names = {name: name for name in piece.outputs}
            running.hand_out_variables(self._shell.user_ns, names)
            if piece.result:
                running.hand_out_result(result.result)
        except NameError as missing:
            return piece.undefined(str(missing))
        except Exception as refused:
            return CodeError(message=str(refused), kind=type(refused).__name__)
        return None

    def _execute(self, code: str) -> Any:
        """Run code as a cell of the notebook; what `run_cell` says of it."""
        shell = self._shell
        try:
            transformed = shell.transform_cell(code)
        except Exception:  # `run_cell` shows what is wrong
            return shell.run_cell(code)
        if not shell.should_run_async(code, transformed_cell=transformed):
            return shell.run_cell(code)
        work = shell.run_cell_async(code, transformed_cell=transformed)
        try:
            return run_aside(work, self._cancels)
        finally:
            self._cancel = None

    def _cancels(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel

    def _described(self, piece: Piece, error: BaseException) -> CodeError:
        import traceback

        kind, said = type(error).__name__, str(error)
        if isinstance(error, SyntaxError):
            return piece.failure(kind, error.msg, error.lineno, "")
        own = _own_frames(error.__traceback__, self._shell.user_ns)
        line = None
        if own is not None:
            name = own.tb_frame.f_code.co_filename
            line = [at for file, at in _frames(own) if file == name][-1]
        text = "".join(traceback.format_exception(type(error), error, own))
        return piece.failure(kind, said, line, text)

    # -- signals ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _hearing(self) -> Iterator[None]:
        """Have SIGINT heard here; elsewhere than in the main thread nothing can be interrupted."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        wanted, self._stopping = self._stopping, None
        if wanted is None:
            self._interrupted = True
        elif wanted is not self._current:
            return  # it has ended meanwhile
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            cancel()
        else:
            raise KeyboardInterrupt


class _Asked:
    """A piece that waits for its turn, and for whoever asked."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self.is_dropped = self.is_taken = False
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[CodeError | None] = self._loop.create_future()
        self.left = asyncio.Event()
        """Set when the main thread has let go of it."""

    def say(self, error: CodeError | None) -> None:
        def answer() -> None:
            if not self.answer.done():
                self.answer.set_result(error)

        self._soon(answer)

    def leave(self) -> None:
        self._soon(self.left.set)

    def _soon(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the workspace was closed meanwhile
            self._loop.call_soon_threadsafe(call)


@contextlib.contextmanager
def _channel(folder: Path) -> Iterator[None]:
    """`fb.outputs` and its like lead to an attempt meanwhile."""
    before = os.environ.get("FLOWBOOK_RUN", "")
    os.environ["FLOWBOOK_RUN"] = str(folder)
    try:
        yield
    finally:
        os.environ["FLOWBOOK_RUN"] = before  # never removed: the engine may be copying them
        for stream in (sys.stdout, sys.stderr):
            stream.flush()


def _own_frames(trace: TracebackType | None, namespace: object) -> TracebackType | None:
    """The traceback from the cell's own first line on."""
    while trace is not None and trace.tb_frame.f_globals is not namespace:
        trace = trace.tb_next
    return trace


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next

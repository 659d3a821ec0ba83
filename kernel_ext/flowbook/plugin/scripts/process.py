"""One process of a task: its lines as they come, its exit code, its end with all that it started.

Theory of operation: the process leads a session of its own, so one signal reaches its whole group.
Its output goes through two pipes of ours rather than asyncio's, because asyncio may call a process
running for as long as a grandchild holds a pipe open. On cancellation the group gets SIGTERM and, after
a grace, SIGKILL; on Linux also those who left the group, known by the mark in their environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from flowbook.errors import TaskFailed
from flowbook.kernels.strays import members

LONGEST_LINE = 16 * 2**20
CHUNK = 65536
GRACE = 10.0
LINGER = 1.0
"""How long to wait for further output after the end, if somebody else still holds the pipe."""
AT_ONCE = 100
"""Lines handed on in one turn of the loop: a talkative process must not hold up everybody else."""


class Lines:
    """Bytes in, lines of text out; a line that nobody ends is cut at 16 MiB."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = bytearray()

    def feed(self, data: bytes) -> None:
        """Hand on every line that is complete now."""
        if b"\n" not in data:
            self._rest += data
            if len(self._rest) > LONGEST_LINE:
                self.close()
            return
        *lines, rest = data.split(b"\n")
        lines[0] = bytes(self._rest) + lines[0]
        self._rest = bytearray(rest)
        for line in lines:
            self._take(text_of(line))

    def close(self) -> None:
        """Hand on what is left without an end of line."""
        if self._rest:
            line, self._rest = bytes(self._rest), bytearray()
            self._take(text_of(line))


def text_of(line: bytes) -> str:
    """A line as a terminal would leave it: bad bytes as `�`, overwritten parts (`\\r`) gone."""
    text = line.decode("utf-8", "replace").replace("\0", "�").rstrip("\r")
    return text.rpartition("\r")[2] if "\r" in text else text


async def run_process(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    out: Callable[[str], None],
    err: Callable[[str], None],
    grace: float = GRACE,
    memory: int | None = None,
) -> int:
    """Run a command to its end and return its exit code, 128 + n if signal n ended it.

    Raises:
        TaskFailed: it can't be started.
    """
    pipes = [_Pipe(out), _Pipe(err)]
    try:
        process = await asyncio.create_subprocess_exec(
            *_limited(command, memory),
            cwd=directory,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipes[0].write_end,
            stderr=pipes[1].write_end,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        for pipe in pipes:
            pipe.close()
        raise TaskFailed(
            f"Cannot start '{command[0]}': {error}", kind=type(error).__name__
        ) from None
    for pipe in pipes:
        pipe.start()
    try:
        code = await process.wait()
        await _read_out(pipes)
    except asyncio.CancelledError:
        await _insist(end_group(process, environment.get("FLOWBOOK_RUN"), grace))
        raise
    finally:
        for pipe in pipes:
            pipe.close()
    return code if code >= 0 else 128 - code


async def end_group(process: asyncio.subprocess.Process, mark: str | None, grace: float) -> None:
    """End a process and all it started: politely first, then not."""
    others = members(process.pid, mark)
    _signal(process.pid, others, signal.SIGTERM)
    gone = await asyncio.to_thread(_wait_for_end, process.pid, mark, grace)
    if not gone:
        _signal(process.pid, members(process.pid, mark), signal.SIGKILL)
    await process.wait()


async def _insist(ending: Coroutine[None, None, None]) -> None:
    """Wait for the end even if the one who waits is cancelled again."""
    task = asyncio.get_running_loop().create_task(ending)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


def _wait_for_end(group: int, mark: str | None, grace: float) -> bool:
    import threading
    import time

    end = time.monotonic() + grace
    pause = threading.Event()
    while members(group, mark):
        if time.monotonic() >= end:
            return False
        pause.wait(0.02)
    return True


def _signal(group: int, others: set[int], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
    for pid in others:
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != group:
                os.kill(pid, number)


def _limited(command: Sequence[str], memory: int | None) -> Sequence[str]:
    """The command under a limit of memory, set before it starts anything."""
    if memory is None:
        return command
    return ["/bin/sh", "-c", f'ulimit -v {memory // 1024}; exec "$@"', "sh", *command]


async def _read_out(pipes: Sequence[_Pipe]) -> None:
    """Wait until the pipes have ended, or nothing has come through them for a while."""
    while True:
        before = [pipe.taken for pipe in pipes]
        _, open_ = await asyncio.wait([pipe.ended for pipe in pipes], timeout=LINGER)
        if not open_ or before == [pipe.taken for pipe in pipes]:
            return


class _Pipe:
    """The reading end of a pipe on the running loop. It reads on when its lines have been handed on."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._take = take
        self._waiting: deque[str] = deque()
        self._lines = Lines(self._waiting.append)
        self._loop = asyncio.get_running_loop()
        self._resting = False
        self.taken = 0
        """Lines handed on so far."""
        self.ended: asyncio.Future[None] = self._loop.create_future()

    def start(self) -> None:
        """Read from now on; the writing end belongs to the process."""
        os.close(self.write_end)
        self.write_end = -1
        self._loop.add_reader(self._read_end, self._readable)

    def close(self) -> None:
        """Read no more."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1
        if self._read_end >= 0:
            self._loop.remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1
            self._lines.close()
            while self._waiting:
                self._take(self._waiting.popleft())
        if not self.ended.done():
            self.ended.set_result(None)

    def _readable(self) -> None:
        try:
            data = os.read(self._read_end, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._lines.feed(data)
        self._hand_on()

    def _hand_on(self) -> None:
        """Hand on some of the lines that wait, the rest in the next turns."""
        if self._read_end < 0:
            return
        for _ in range(min(AT_ONCE, len(self._waiting))):
            self._take(self._waiting.popleft())
            self.taken += 1
        if self._waiting:
            self._resting = self._resting or self._loop.remove_reader(self._read_end)
            self._loop.call_soon(self._hand_on)
        elif self._resting:
            self._loop.add_reader(self._read_end, self._readable)
            self._resting = False

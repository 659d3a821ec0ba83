"""The life of a forked kernel: made, waiting, told where it runs, running, ended."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .strays import inherit_orphans, library
from .zygote import INLINE, Reader, send

_PR_SET_PDEATHSIG = 1


def live(
    link: socket.socket,
    make: Callable[[], Any],
    blas: Sequence[Callable[[int], object]],
    heavy: Sequence[str],
    own: Mapping[str, str],
) -> int:
    """Be a kernel from fork to end; its exit code.

    `make` makes its application; `own` are the variables that kernels set as they start.
    """
    parent = os.getppid()
    _detach(parent)
    environment = dict(os.environ)
    app = make()
    own = {**own, **_changed(environment)}
    before = frozenset(name for name in heavy if name in sys.modules)

    def begin(told: Mapping[str, Any]) -> None:
        send(link, {"taken": True})
        _apply({**told, "env": {**told["env"], **own}}, blas)
        _move_in(app)

    _spare_search(app.kernel)
    _await_order(link, begin)
    send(link, {"ready": True})
    app.start()
    _finish(app)
    used = [name for name in heavy if name in sys.modules and name not in before]
    with contextlib.suppress(OSError):
        send(link, {"used": used})
    return 0


def _changed(before: Mapping[str, str]) -> dict[str, str]:
    """What has been set in this process's environment since."""
    return {name: value for name, value in os.environ.items() if before.get(name) != value}


def _detach(parent: int) -> None:
    """A session of its own, default signals, and death with the zygote."""
    library().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.setsid()
    inherit_orphans()
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.enable()


def _await_order(link: socket.socket, begin: Callable[[Mapping[str, Any]], None]) -> None:
    """Have the kernel's loop take the order, once: a standby is a kernel that runs already."""
    from tornado.ioloop import IOLoop

    loop, reader = IOLoop.current(), Reader(link)

    def take(descriptor: int, events: int) -> None:
        messages = reader.read()
        if messages is None:
            os._exit(0)
        for message in messages:
            loop.remove_handler(descriptor)
            try:
                begin(message)
            except BaseException:
                traceback.print_exc(file=sys.__stderr__)
                os._exit(1)

    loop.add_handler(link.fileno(), take, loop.READ)


def _apply(told: Mapping[str, Any], blas: Sequence[Callable[[int], object]]) -> None:
    """Make everything as in a kernel that was started with this environment in this folder."""
    os.environ.clear()
    os.environ.update(told["env"])
    if not os.environ.get("MPLBACKEND"):
        os.environ["MPLBACKEND"] = INLINE
    os.umask(told["umask"])
    os.chdir(told["cwd"])
    log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    _redirect(log)
    time.tzset()
    tempfile: Any = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None  # found anew, as this environment says
    sys.argv = [told["argv0"], "-f", told["connection_file"]]
    _reseed()
    threads = told["env"].get("OPENBLAS_NUM_THREADS") or told["env"].get("OMP_NUM_THREADS") or ""
    for set_threads in blas:
        set_threads(int(threads) if threads.isdigit() else len(os.sched_getaffinity(0)))


def _move_in(app: Any) -> None:
    """What the shell has noted of the folder, as if it had been made there."""
    app.shell.user_ns_hidden  # noqa: B018 - made before the first cell, as in a stock kernel
    app.shell.starting_dir = os.getcwd()
    app.shell.history_manager.dir_hist[:] = [Path.cwd()]


def _spare_search(kernel: Any) -> None:
    """Have a kernel that ends read the machine's list of processes only if it has started any."""
    search = getattr(kernel, "_process_children", None)
    if search is not None:
        kernel._process_children = lambda: search() if _has_children() else []


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _redirect(log: int) -> None:
    """Send descriptors 1 and 2 to the log; ipykernel may already watch them by copies."""
    for stream in (sys.stdout, sys.stderr):
        # where ipykernel echoes what reaches the descriptors, it has kept the original under another number
        kept = getattr(stream, "_original_stdstream_copy", None)
        if isinstance(kept, int):
            os.dup2(log, kept)
    for number in (1, 2):
        stream = (sys.stdout, sys.stderr)[number - 1]
        if getattr(stream, "_original_stdstream_copy", None) is None:
            os.dup2(log, number)
    os.close(log)


def _reseed() -> None:
    import random

    random.seed()
    if (numpy := sys.modules.get("numpy")) is not None and "numpy.random" in sys.modules:
        numpy.random.seed()


def _finish(app: Any) -> None:
    """What the interpreter's end does for a notebook: `atexit`, open files, its objects' ends."""
    import atexit

    with contextlib.suppress(BaseException):
        atexit.unregister(
            app.close
        )  # joins threads of the kernel; the process is about to end anyway
        atexit._run_exitfuncs()
    with contextlib.suppress(BaseException):
        app.shell.user_ns.clear()
        app.shell.user_global_ns.clear()
    with contextlib.suppress(BaseException):
        gc.collect()
        for thing in gc.get_objects():
            if type(thing) in (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom):
                with contextlib.suppress(BaseException):
                    thing.flush()

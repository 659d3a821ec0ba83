"""The application of a forked kernel: made whole in the child, or begun in the zygote.

Theory of operation. Half of a kernel's start needs neither threads nor sockets: the application with its
options and its profile, the kernel object, the shell with its magics. The zygote does that once, so that no child
does it again, nor copies the pages of memory that it touches. What belongs to one kernel alone (its session
and key, its identity, sockets, streams and threads) comes after the fork, by ipykernel's own
`IPKernelApp.initialize`: it skips the steps that were taken before, and where it asks for a kernel it gets the one
that is there.

All of this goes by names of ipykernel and IPython. So it is rehearsed in a throwaway child first, and compared with
a kernel made whole (`rehearsal.py`); where they differ, or where a configuration of the machine's adds options or
code, kernels are made whole after the fork.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TAKEN = (
    "parse_command_line",
    "init_crash_handler",
    "init_profile_dir",
    "init_config_files",
    "load_config_file",
    "init_pdb",
    "init_connection_file",
    "init_shell",
    "init_extensions",
    "init_code",
)
"""Steps of `IPKernelApp.initialize` that need no threads and no sockets."""
_RUN = ("run_cell", "safe_execfile", "safe_execfile_ipy", "safe_run_module")
"""How a shell runs code that a configuration names."""


class Unlike(Exception):
    """A kernel of this machine can't be begun before the fork."""


def made(folder: Path) -> Any:
    """A kernel's application, made whole; its sockets and connection file lie in `folder`."""
    from jupyter_client.connect import write_connection_file

    file = str(folder / "kernel.json")
    write_connection_file(
        file, key=os.urandom(32).hex().encode(), ip=str(folder / "k"), transport="ipc"
    )
    app = _application(file)
    app.initialize([])
    return app


def _application(file: str = "") -> Any:
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    app = IPKernelApp.instance(parent_handle=0)

    def parse_command_line(argv: object = None) -> None:
        # what `-f file --HistoryManager.enabled=False` says; building the parser takes 10 ms a kernel
        app.cli_config = Config(
            {"IPKernelApp": {"connection_file": file}, "HistoryManager": {"enabled": False}}
        )
        app.update_config(app.cli_config)

    app.parse_command_line = parse_command_line
    return app


class Begun:
    """A kernel's application as far as it can be made before a fork."""

    def __init__(self) -> None:
        """Raises `Unlike` where this machine's configuration asks for more than a shell."""
        from IPython.core.application import BaseIPythonApplication

        self._before = sys.modules["__main__"], sys.excepthook, list(sys.path)
        self.app = app = _application()
        BaseIPythonApplication.initialize(app, [])
        if app.loaded_config_files:
            raise Unlike("configured")
        app.init_pdb()
        self._kernel_class = app.kernel_class
        self.kernel = app.kernel = app.kernel_class.instance(
            parent=app,
            session=app.session,
            log=app.log,
            profile_dir=app.profile_dir,
            user_ns=app.user_ns,
        )
        self._answer = _answering(self.kernel)
        app.init_shell()
        app.init_extensions()
        with _overridden(app.shell, _RUN) as ran:
            app.init_code()
        if ran:
            raise Unlike("code of a configuration")
        if threading.active_count() != 1:
            raise Unlike("threads")
        _exercise(app.shell)

    def whole(self, folder: Path) -> Any:
        """The rest, in the child; its sockets and connection file lie in `folder`."""
        from jupyter_client.session import new_id

        app = self.app
        app.connection_file = str(folder / "kernel.json")
        for one in (app, self.kernel, app.shell):
            one.config.IPKernelApp.connection_file = app.connection_file
        app.session.session, app.session.pid = new_id(), os.getpid()
        key = os.urandom(32).hex()
        app.load_connection_info({"transport": "ipc", "ip": str(folder / "k"), "key": key})
        self.kernel.ident = str(uuid.uuid4())
        app.kernel_class = self._answer
        with _overridden(app, TAKEN):
            app.initialize([])
        app.kernel_class = self._kernel_class
        return app

    def end(self) -> None:
        """Take it back: what libraries ask for at their import isn't there any more."""
        atexit.unregister(self.app.shell.atexit_operations)
        for one in (self.app.shell, self.kernel, self.app):
            type(one).clear_instance()
        sys.modules["__main__"], sys.excepthook, sys.path[:] = self._before


@contextlib.contextmanager
def _overridden(thing: Any, names: tuple[str, ...]) -> Iterator[list[str]]:
    """These methods do nothing for a while; those that were called. Raises `Unlike` if there is no such method."""
    called: list[str] = []
    own = {name: value for name, value in vars(thing).items() if name in names}
    for name in names:
        if not hasattr(thing, name):
            raise Unlike(name)
        setattr(thing, name, lambda *_, __name=name, **__: called.append(__name))
    try:
        yield called
    finally:
        for name in names:
            delattr(thing, name)
        vars(thing).update(own)


def _exercise(shell: Any) -> None:
    """Have a shell read cells and format values, of which it keeps nothing, until Python has seen all of that code.

    What runs for the first times is slower, and a child that adapts code copies its pages.
    """
    for _ in range(8):
        shell.compile.ast_parse(shell.transform_cell("print([1])\n%time 1"))
        for value in ([1], 1, "x", {"a": 1}):
            shell.display_formatter.format(value)


def _answering(kernel: Any) -> Any:
    """A class that answers `instance` with this kernel, given what only its own process has."""

    class Answer(type(kernel)):  # type: ignore[misc]  # the class is known at run time only
        @classmethod
        def instance(cls, **given: Any) -> Any:
            for name, value in given.items():
                if getattr(kernel, name) is not value:
                    setattr(kernel, name, value)
            _hand_on(kernel)
            return kernel

    return Answer


def _hand_on(kernel: Any) -> None:
    """Give the kernel's sockets and streams to those who got them when it was made."""
    shell = kernel.shell
    kernel._stdout, kernel._stderr = sys.stdout, sys.stderr
    shell._orig_sys_module_state.update(stdout=sys.stdout, stderr=sys.stderr)
    shell.displayhook.pub_socket = shell.display_pub.pub_socket = kernel.iopub_socket
    shell.displayhook.topic = kernel._topic("execute_result")
    if (debugger := getattr(kernel, "debugger", None)) is not None:
        debugger.shell_socket = kernel.debug_shell_socket
        debugger.debugpy_client.debugpy_stream = kernel.debugpy_stream

"""What a notebook can see of the kernel it runs in: printed as JSON by a cell, in whatever kernel."""

from __future__ import annotations

import json


def look() -> None:
    """Print it. This function's source is the cell."""
    import builtins
    import faulthandler
    import gc
    import logging
    import os
    import pdb
    import signal
    import sys
    import threading
    import warnings

    shell = get_ipython()  # type: ignore[name-defined]  # noqa: F821
    kernel, names = shell.kernel, globals()
    app, debugger = kernel.parent, kernel.debugger

    def holds(thing):  # type: ignore[no-untyped-def]
        """Attributes by type; traits that are plain by value."""
        plain = {n: type(v).__name__ for n, v in vars(thing).items() if not n.startswith("_trait")}
        traits = getattr(thing, "_trait_values", {})
        value = (bool, int, float, str)
        return plain | {
            n: repr(v) if isinstance(v, value) else type(v).__name__ for n, v in traits.items()
        }

    parts = {
        "app": app,
        "kernel": kernel,
        "shell": shell,
        "session": kernel.session,
        "debugger": debugger,
        "debugpy_client": debugger.debugpy_client,
        "displayhook": shell.displayhook,
        "display_pub": shell.display_pub,
        "app's displayhook": app.displayhook,
        "history": shell.history_manager,
        "completer": shell.Completer,
        "tracebacks": shell.InteractiveTB,
        "comms": kernel.comm_manager,
        "stdout": sys.stdout,
        "shell channel": kernel.shell_channel_thread,
        "control": kernel.control_thread,
        "iopub": kernel.iopub_thread,
    }
    seen = {
        "environment": dict(os.environ),
        "folders": [os.getcwd(), *map(str, names["_dh"]), shell.starting_dir],
        "names": sorted(shell.user_ns),
        "hidden names": sorted(shell.user_ns_hidden),
        "main": [__name__, sys.modules["__main__"] is shell.user_module],
        "main's names": sorted(vars(sys.modules["__main__"])),
        "builtins": sorted(vars(builtins)),
        "path": sys.path,
        "signals": [str(signal.getsignal(s)).split(" at ")[0] for s in (1, 2, 13, 15, 17)],
        "hooks": [sys.excepthook.__qualname__, type(sys.displayhook).__name__, sys.ps1, sys.ps2],
        "warnings": [str(one) for one in warnings.filters],
        "magics": {kind: sorted(magics) for kind, magics in shell.magics_manager.magics.items()},
        "events": {
            event: [one.__qualname__ for one in called]
            for event, called in shell.events.callbacks.items()
        },
        "configurables": [type(one).__name__ for one in shell.configurables],
        "handlers": [sorted(kernel.shell_handlers), sorted(kernel.control_handlers)],
        "config": json.dumps([app.config, kernel.config, shell.config], sort_keys=True),
        "places": [shell.home_dir, shell.ipython_dir, shell.profile],
        "logging": [
            [[type(one).__name__, one.level] for one in logging.getLogger(name).handlers]
            for name in ("", "tornado", app.log.name)
        ],
        "streams": {n: type(s).__name__ for n, s in shell._orig_sys_module_state.items()},
        "collector": [gc.isenabled(), gc.get_threshold()],
        "process": [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid(), os.umask(0o22)],
        "interpreter": [sys.getrecursionlimit(), sys.getswitchinterval(), str(sys.flags)],
        "debugging": [pdb.Pdb.__module__, faulthandler.enable.__qualname__],
        "counted": [shell.execution_count, shell.history_manager.session_number],
        "threads": sorted(one.name for one in threading.enumerate()),
        "parts": {part: holds(thing) for part, thing in parts.items()},
    }
    with open(app.connection_file) as file:
        connection = json.load(file)
    seen["its own"] = {
        "pid": [os.getpid(), kernel.session.pid],
        "session": kernel.session.session,
        "key": [kernel.session.key.decode(), connection["key"]],
        "identity": [kernel.ident, shell.displayhook.topic.decode().split(".")[1]],
        "connection file": [app.connection_file, app.config.IPKernelApp.connection_file],
    }
    print(json.dumps(seen))

"""A kernel tried in a throwaway child: what it imports, and whether it comes out as it should."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def rehearsed(
    folder: Path, make: Callable[[Path], Any]
) -> tuple[list[str], Mapping[str, str] | None]:
    """A throwaway kernel runs a cell that fails and some that don't: the modules it has imported, and its likeness.

    No likeness if it can't be made so.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            place = folder / f"r{os.getpid()}"  # short: a socket's path has 107 bytes
            place.mkdir(mode=0o700)
            app = make(place)
            held = _likeness(app)
            for source in ("x = 1\nx", "print(1)", "1/0", "import flowbook.running"):
                app.shell.run_cell(source)
            names = [name for name in sys.modules if not name.startswith("__")]
            with os.fdopen(writing, "w") as pipe:
                json.dump([names, held], pipe)
            shutil.rmtree(place, ignore_errors=True)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    names, held = json.loads(text or "[[], null]")
    return names, held


def alike(one: Mapping[str, str] | None, stock: Mapping[str, str] | None) -> bool:
    """Whether a kernel holds all that a stock one holds; it may have more of what is made when it is asked for."""
    return bool(one and stock and stock.items() <= one.items())


def _likeness(app: Any) -> Mapping[str, str]:
    """What the parts of a kernel hold, by type: two that are alike hold the same."""
    kernel, shell = app.kernel, app.shell
    debugger = getattr(kernel, "debugger", None)
    parts = {
        "app": app,
        "kernel": kernel,
        "shell": shell,
        "displayhook": shell.displayhook,
        "display_pub": shell.display_pub,
        "debugger": debugger,
        "debugpy_client": getattr(debugger, "debugpy_client", None),
    }
    found: dict[str, str] = {}
    for part, thing in parts.items():
        held = dict(getattr(thing, "__dict__", {}))
        held |= held.get("_trait_values", {})
        found |= {f"{part}.{name}": type(value).__name__ for name, value in held.items()}
    return found

"""Options of the whole test suite, and which folders are slow by what they start."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

HERE = Path(__file__).parent
SLOW_FOLDERS = frozenset(
    {"browser", "cli", "continuing", "demo", "kernel", "kernels", "scheduling", "server"}
)
"""Tests that start kernels, commands, servers or browsers: real, and seconds each. `-m "not slow"`
leaves them out; a bare `pytest` runs everything."""
SLOW_FILES = frozenset(
    {
        "expressions/test_bounds.py",
        "plugin/test_http.py",
        "plugin/test_notebook.py",
        "store/test_failover.py",
        "store/test_migrations.py",
        "test_examples.py",
    }
)
"""The same for single files: storekeepers that die, servers that keep one waiting, kernels."""

settings.register_profile("same", derandomize=True)
settings.register_profile("explore", derandomize=False, print_blob=True)
settings.load_profile("same")
# a change is judged by the same examples each time; `--hypothesis-profile explore` looks for new ones


MARK = "TESTED_BY"
"""In the environment of everything that tests start, so that parked kernels don't outlive them."""


def pytest_sessionstart() -> None:
    os.environ[MARK] = str(os.getpid())
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # begun in a shell's background: what the tests start would not hear a Ctrl-C either
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish() -> None:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if "flowbook.kernels" in process.cmdline() and _is_ours(process):
                process.terminate()


def _is_ours(process: psutil.Process) -> bool:
    return bool(process.environ().get(MARK) == str(os.getpid()))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write golden files anew instead of comparing"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Playwright keeps an event loop running in this thread as long as its browser is open: it comes last
    items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] == "browser")
    for item in items:
        path = item.path.relative_to(HERE)
        if path.parts[0] in SLOW_FOLDERS or path.as_posix() in SLOW_FILES:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))

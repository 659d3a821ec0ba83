"""Workflow orchestration that lives where notebooks live."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_RUNNING = ("outputs", "inputs", "execution", "progress", "metric")
"""Names of `running`: asked for each time, since they tell of the run that is on."""


_PUBLIC = {
    "open": "api",
    "Run": "api",
    "TaskRun": "api",
    "Workspace": "api",
    "render": "language",
    "plugins": "language",
    "BulkRefused": "errors",
    "Conflict": "errors",
    "ExpressionError": "errors",
    "FlowInvalid": "errors",
    "FlowbookError": "errors",
    "InputInvalid": "errors",
    "NotFound": "errors",
    "WorkspaceError": "errors",
}
"""Public names by the module they live in: imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    if name in _RUNNING:
        from . import running

        return getattr(running, name)
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module 'flowbook' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC, *_RUNNING})


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext flowbook`: the magics `%flow` and `%%flow`."""
    from .hosts.kernel.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext flowbook`."""
    from .hosts.kernel.magics import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Schedules, REST and the stream, for a Jupyter Server."""
    from .hosts.server.app import FlowbookApp

    return [{"module": "flowbook.hosts.server.app", "app": FlowbookApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where the built JupyterLab extension lies."""
    return [{"src": "labextension", "dest": "flowbook-lab"}]

"""Calls a Python function for a task, in whatever kernel the task's code runs.

What to call lies in the run's folder as `call.json`; what comes back is handed out as `value`.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import running
from .aside import run_aside

FILE = "call.json"
TABLE = "flowbook:parquet"
"""The key of a table among the arguments: the path of its Parquet file."""


def call(namespace: Mapping[str, Any]) -> None:
    """Call what `call.json` of the run's folder says; plain names are looked up in `namespace`."""
    asked = json.loads((Path(os.environ["FLOWBOOK_RUN"]) / FILE).read_text("utf-8"))
    function = found(asked["function"], namespace, asked["folders"])
    value = function(*_opened(asked["args"]), **_opened(asked["kwargs"]))
    if inspect.isawaitable(value):
        value = run_aside(_awaited(value))
    running.outputs(value=value)


def found(
    name: str, namespace: Mapping[str, Any], folders: Sequence[str] = ()
) -> Callable[..., Any]:
    """A function by `module:name`, or by its name in a kernel. Raises `ImportError`, `NameError`."""
    module_name, colon, path = name.partition(":")
    if not colon:
        if not callable(namespace.get(name)):
            raise NameError(_unknown(name, "this kernel", namespace))
        return namespace[name]  # type: ignore[no-any-return]
    held: Any = _imported(module_name, folders)
    for part in path.split("."):
        if not hasattr(held, part):
            raise ImportError(_unknown(path, f"module '{module_name}'", vars(held)))
        held = getattr(held, part)
    if not callable(held):
        raise TypeError(f"'{name}' is a {type(held).__name__}, not a function")
    return held  # type: ignore[no-any-return]


def _imported(name: str, folders: Sequence[str]) -> Any:
    sys.path[:0] = folders
    try:
        importlib.invalidate_caches()
        return importlib.import_module(name)
    finally:
        for folder in folders:
            sys.path.remove(folder)


def _unknown(name: str, where: str, names: Mapping[str, Any]) -> str:
    callables = [known for known, value in names.items() if callable(value)]
    close = difflib.get_close_matches(name, callables, 1)
    return f"{where} has no function '{name}'" + (f": did you mean '{close[0]}'?" if close else "")


def _opened(value: Any) -> Any:
    """The arguments, with references to tables in place of their marks."""
    if isinstance(value, dict):
        if TABLE in value:
            return running.Table(
                value[TABLE], uri=value["uri"], rows=value["rows"], columns=value["columns"]
            )
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value


async def _awaited(value: Any) -> Any:
    return await value

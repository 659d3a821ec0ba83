"""A notebook made ready to run: read, checked, parameters injected, the copy begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from . import continued, declared, handed_out
from .notebook import INJECTED, Document, Json, Notebook, cleared, inject, load, tagged
from .parameters import Parameters, check, masked
from .stock import find_spec
from .terms import NotebookRun


@dataclass(frozen=True, slots=True)
class Prepared:
    """A notebook that may run: read, its parameters checked and injected, its kernel found."""

    notebook: Notebook
    document: Document
    """With the injected cell, as the kernel runs it."""
    shown: Document
    """The same with secrets masked, as the copy starts."""
    spec: Any
    kernel: str
    language: str
    warnings: Sequence[str]
    start: int = 0
    """The position of the first cell that runs; those before are taken over."""


def prepare(task: NotebookRun, *, resumed: bool = False) -> Prepared:
    """Do all that can fail before a kernel starts. Raises a `FlowbookError` or `FileNotFoundError`.

    `resumed` is for a kernel that has its parameters and the cells before the first one.
    """
    notebook = load(task.notebook)
    kernel = task.kernel or notebook.kernel or "python3"
    spec = find_spec(kernel)
    language = str(spec.language or notebook.language or "python")
    language = "python" if language.lower() in ("python", "ipython") else language
    document = shown = cleared(notebook.document)
    start = 0
    if resumed and task.continues is not None:
        start = continued.position_of(document, task.continues.cell)
        shown = continued.shown(notebook.document, start)
    injected = tagged(document, INJECTED)
    has_them = resumed and (injected is None or injected < start)
    parameters = Parameters({}, {})
    if not has_them:
        parameters = check(notebook, task.parameters, language=language)
    if task.parameters and not has_them:
        document = inject(document, parameters.source(language, kernel))
        shown = inject(shown, parameters.masked_source(language, kernel, task.secrets))
    if task.outputs:
        declared.snippet(language, task.outputs, task.out_dir)  # refuses other languages now
    metadata = _metadata(task, notebook, parameters)
    if has_them:
        metadata["papermill"] = _of_continued(notebook.document, metadata["papermill"])
    shown = _own(shown) | {"metadata": dict(shown["metadata"]) | metadata}
    shown["metadata"].setdefault(
        "kernelspec", {"display_name": spec.display_name, "language": spec.language, "name": kernel}
    )
    handed_out.prepare(
        task.out_dir, task.inputs, task.execution, reserved=list(task.reserved), in_notebook=True
    )
    return Prepared(notebook, document, shown, spec, kernel, language, parameters.warnings, start)


def _own(document: Document) -> Document:
    cells = [
        {**c, "metadata": dict(c["metadata"])}
        | ({"outputs": list(c["outputs"])} if c["cell_type"] == "code" else {})
        for c in document["cells"]
    ]
    return {**document, "cells": cells}


def _metadata(task: NotebookRun, notebook: Notebook, parameters: Parameters) -> dict[str, Json]:
    source = task.source or str(notebook.path)
    values = {name: _json(masked(value, task.secrets)) for name, value in parameters.values.items()}
    return {
        "papermill": {
            "default_parameters": dict(parameters.defaults),
            "environment_variables": {},
            "input_path": source,
            "output_path": task.output or str(task.out_dir / notebook.name),
            "parameters": values,
            "start_time": datetime.now(UTC).isoformat(),
            "version": _papermill_version(),
        },
        "flowbook": {"source": source, "digest": notebook.digest, **task.meta},
    }


def _of_continued(document: Document, fresh: Mapping[str, Json]) -> dict[str, Json]:
    """What papermill's tools read, with the parameters the kernel already has."""
    old = document["metadata"].get("papermill", {})
    kept = ("default_parameters", "parameters")
    return {**fresh, **{name: old[name] for name in kept if name in old}}


def _json(value: Any) -> Json:
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(getattr(value, "uri", value))


@lru_cache(1)
def _papermill_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("papermill")
    except PackageNotFoundError:
        return "0"

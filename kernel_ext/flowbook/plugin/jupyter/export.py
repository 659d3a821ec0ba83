"""`flowbook.jupyter.Export`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from flowbook.errors import FlowbookError, TaskFailed
from flowbook.kernels.export import export
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover, RunnableTask

from .found import notebook_at


class Format(StrEnum):
    """What a notebook is exported as."""

    HTML = "html"
    PDF = "pdf"
    SCRIPT = "script"


class Export(RunnableTask):
    """Convert a notebook into a page, a PDF or a script, and store that."""

    recovers = Recover.RESTART

    notebook: Dynamic[str]
    """The notebook: a path as of `Notebook`, or a URI like `{{ outputs.train.notebook }}`."""
    formats: Dynamic[tuple[Format, ...]]
    """What is made of it."""
    hide_input: Dynamic[bool] = False
    """Leave the code out."""

    async def run(self, context: Context) -> Mapping[str, Json]:
        found = await notebook_at(context, await context.render(self.notebook))
        formats = await context.render(self.formats)
        hide = await context.render(self.hide_input)
        return await exported(context, found.path, formats, hide_input=hide)


async def exported(
    context: Context, notebook: Path, formats: Sequence[Format], *, hide_input: bool = False
) -> dict[str, Json]:
    """One URI a format. Raises `TaskFailed`."""
    made: dict[str, Json] = {}
    for format_ in dict.fromkeys(formats):
        folder = context.run_folder / "export" / format_
        try:
            path = await export(notebook, format_, folder, hide_input=hide_input)
        except FlowbookError as error:
            raise TaskFailed(str(error)) from error
        made[format_.value] = await context.put(path, path.name)
    return made


REPORT = """{
 "cells": [
  {"cell_type": "markdown", "metadata": {}, "source": "# Report"},
  {"cell_type": "code", "metadata": {}, "execution_count": null, "outputs": [], "source": "6 * 7"}
 ],
 "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
 "nbformat": 4, "nbformat_minor": 4
}"""
PAGE = Example(
    title="Keep the executed copy of a notebook as a page without code",
    files={"report.ipynb": REPORT},
    flow="""
id: report-as-page
namespace: demo
tasks:
  - {id: report, type: flowbook.jupyter.Notebook, path: report.ipynb}
  - id: page
    type: flowbook.jupyter.Export
    notebook: "{{ outputs.report.notebook }}"
    formats: [html]
    hideInput: true
""",
)

"""What is wrong with a flow's text, under its cell: place, message, the line, the way out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowbook.problems import Problem

COLOURS = {"error": "#b3261e", "warning": "#8a5a00", "info": "#3b5b92"}
"""Of the word only; the text itself keeps the notebook's colour."""


class Problems(Sequence["Problem"]):
    """Problems that show themselves as HTML in a notebook and as text elsewhere."""

    def __init__(self, problems: Sequence[Problem], *, name: str, text: str) -> None:
        self._problems, self._name, self._text = tuple(problems), name, text

    def __getitem__(self, index: int) -> Problem:  # type: ignore[override]
        return self._problems[index]

    def __len__(self) -> int:
        return len(self._problems)

    def __repr__(self) -> str:
        from flowbook.problems import report

        return (
            report(self._problems, name=self._name, text=self._text) or f"{self._name}: no problems"
        )

    def _repr_html_(self) -> str:
        if not self._problems:
            return f"<p>{escape(self._name)}: no problems</p>"
        return "".join(self._one(problem) for problem in self._problems)

    def _one(self, problem: Problem) -> str:
        from flowbook.problems import show

        first, *excerpt = show(problem, name=self._name, text=self._text).splitlines()
        if problem.hint:
            excerpt = excerpt[: -len(problem.hint.splitlines())]
        place, _, _ = first.partition(": ")
        colour = COLOURS[problem.severity]
        lines = "\n".join(excerpt)
        shown = (
            f'<pre style="font-size:12px;margin:2px 0 2px 16px">{escape(lines)}</pre>'
            if lines
            else ""
        )
        hint = f'<div style="margin-left:16px">{escape(problem.hint)}</div>' if problem.hint else ""
        return (
            f'<div style="font-size:13px;margin:4px 0"><b style="color:{colour}">{problem.severity}</b> '
            f"{escape(place)}: {escape(problem.message)}{shown}{hint}</div>"
        )

"""Flows that tasks read and write: their YAML, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.problems import Problem

if TYPE_CHECKING:
    from flowbook.flows.model import Flow


async def text_of(context: Context, given: Json, **replaced: str | None) -> str:
    """The YAML of a flow given as a map (rendered deep) or as text; ids given beside it win."""
    import yaml

    wanted = {name: value for name, value in replaced.items() if value is not None}
    if isinstance(given, str):
        rendered = await context.render_text(given)
        if not wanted:
            return rendered
        given = yaml.safe_load(rendered)
    else:
        given = await context.render_json(given, typed=False)
    if not isinstance(given, Mapping):
        raise TaskFailed(f"'flow' must be a flow's map or YAML, but is '{str(given)[:200]}'")
    text: str = yaml.safe_dump({**given, **wanted}, sort_keys=False, allow_unicode=True)
    return text


def problems_of(text: str) -> tuple[Flow | None, Sequence[Problem]]:
    """The flow of a text, if it can be used, and everything there is to say about it."""
    from flowbook.flows.parse import examine

    return examine(text)


async def saved(context: Context, text: str) -> tuple[Flow, int]:
    """Save a flow as the revision that counts. Raises `FlowInvalid`."""
    from flowbook.flows.parse import parse

    flow = parse(text)
    return flow, await context.engine.flows.save(flow, draft=False)

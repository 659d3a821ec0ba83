"""What the tab key offers: ids of flows and executions, types, namespaces."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

RECENT = 50
"""Executions offered, the newest first."""


def types(context: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """Types whose last or whole name starts so."""
    from flowbook.kinds.describe import types_of

    low = text.lower()
    return [
        CompletionItem(name, help=kind)
        for kind, name in types_of()
        if name.lower().startswith(low) or name.rpartition(".")[2].lower().startswith(low)
    ]


def flow_ids(context: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """Ids of deployed flows; files are offered too."""
    found = [
        CompletionItem(f"{flow['namespace']}.{flow['id']}", help=flow["description"] or "")
        for flow in _ask("flows")
        if f"{flow['namespace']}.{flow['id']}".startswith(text)
    ]
    return [*found, CompletionItem(text, type="file")]


def execution_ids(
    context: click.Context, parameter: click.Parameter, text: str
) -> list[CompletionItem]:
    """Ids of the newest executions, with their flow and state."""
    return [
        CompletionItem(run["id"], help=f"{run['flow']} {run['state']}")
        for run in _ask("executions")
        if run["id"].startswith(text)
    ]


def namespaces(
    context: click.Context, parameter: click.Parameter, text: str
) -> list[CompletionItem]:
    """Namespaces that hold a flow."""
    names = sorted({flow["namespace"] for flow in _ask("flows")})
    return [CompletionItem(name) for name in names if name.startswith(text)]


def trigger_ids(
    context: click.Context, parameter: click.Parameter, text: str
) -> list[CompletionItem]:
    """Ids of triggers, of the flow that is named already."""
    flow = context.params.get("flow")
    return [
        CompletionItem(row["trigger"], help=row["flow"])
        for row in _ask("triggers")
        if flow in (None, row["flow"]) and row["trigger"].startswith(text)
    ]


def _ask(what: str) -> list[dict[str, Any]]:
    """Rows from the workspace; nothing when there is none, and never an error at a prompt."""
    from .showing import execution_row
    from .workspace import existing, opened

    try:
        if not existing():
            return []
        with opened() as ws:
            if what == "flows":
                return ws.flows()
            if what == "triggers":
                return [dict(each) for each in (*ws.schedules(), *ws.flow_triggers())]
            return [execution_row(run) for run in ws.executions(limit=RECENT)]
    except Exception:
        return []

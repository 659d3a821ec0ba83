"""What people name: flows by id or file, executions by id, its beginning, or a name of the notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowbook.errors import NotFound

if TYPE_CHECKING:
    from flowbook.flows.model import Flow

    from .magics import FlowMagics


def flow_of(magics: FlowMagics, name: str) -> Flow | str:
    """What a person names: a file's flow, or the id of a deployed one. Raises: NotFound, FlowInvalid."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        if not path.is_file():
            raise NotFound(f"There is no file '{name}'.")
        from flowbook.flows.parse import parse

        return parse(
            path.read_text(), str(path), namespace=magics.namespace, folder=path.resolve().parent
        )
    from flowbook.engine.watching import compare, flows_in

    ws = magics.ws
    try:
        uid = wanted_id(magics, name)
    except NotFound:
        lying = [flow for flow in flows_in(ws.engine.place) if name in (flow.uid, flow.id)]
        if len(lying) != 1:
            raise
        return lying[0]
    ws.portal.call(compare(ws.engine, uid))
    return uid


def wanted_id(magics: FlowMagics, name: str) -> str:
    """`namespace.id` of what a person names: whole, or an id that is there once. Raises: NotFound."""
    from difflib import get_close_matches

    known = [f"{row['namespace']}.{row['id']}" for row in magics.ws.flows()]
    inside = f"{magics.namespace}.{name}"
    for candidate in (name, inside):
        if candidate in known:
            return candidate
    ends = [uid for uid in known if uid.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise NotFound(f"'{name}' may be {' or '.join(ends)}: write the whole name.")
    if name.endswith((".yaml", ".yml")):
        raise NotFound(f"There is no file '{name}'.")
    close = get_close_matches(name, [*known, *(uid.rpartition(".")[2] for uid in known)], n=1)
    hint = f" Did you mean '{close[0]}'?" if close else " '%flow ls' lists the flows."
    raise NotFound(f"There is no flow '{name}'.{hint}")


def run_of(magics: FlowMagics, name: str | None) -> str:
    """The id of what a person names: a name of the notebook, an id, its beginning, or nothing.

    Raises: NotFound.
    """
    if name is None:
        if magics.last is not None:
            return magics.last
        newest = magics.ws.executions(limit=1)
        if not newest:
            raise NotFound("There is no execution yet.")
        return str(newest[0].id)
    held = magics.shell.user_ns.get(name)
    if held is not None and hasattr(held, "task_runs"):
        return str(held.id)
    found = [run.id for run in magics.ws.executions(limit=1000) if run.id.startswith(name)]
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise NotFound(f"There is no execution '{name}'. '%flow runs' lists them.")
    raise NotFound(f"'{name}' begins {len(found)} executions: write more of it.")

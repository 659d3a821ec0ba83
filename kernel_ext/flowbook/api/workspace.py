"""An open workspace as people type it: `ws = fb.open()`, `ws.run(…)`, `ws.sql(…)`.

The synchronous face of `engine.workspace.Workspace`, which is written once and lives on the engine's own
loop; it works inside a running event loop too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.portal import Portal
from flowbook.store import ahead
from flowbook.workspace.place import named

from .executions import Executions
from .flows import Flows
from .pairs import Pairs
from .triggers import Triggers

if TYPE_CHECKING:
    from types import TracebackType

    from flowbook.clock import Clock
    from flowbook.engine.workspace import Workspace as Engine


class Workspace(Flows, Executions, Triggers):
    """An open workspace; close it, or use it in a `with`."""

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        embedded: bool = False,
        kind: str = "script",
        clock: Clock | None = None,
    ) -> None:
        place = named(path)
        if not embedded:
            place.check()
            ahead.begin(place.create())
        from flowbook.engine.workspace import Workspace as Engine

        self.portal = Portal()
        try:
            self.engine: Engine = self.portal.call(
                Engine.open(place, kind=kind, clock=clock, embedded=embedded)
            )
        except BaseException:
            self.portal.close()
            raise

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<flowbook workspace {self.root}>"

    def close(self) -> None:
        """Give up what is left to run here and let go of the history."""
        if self.portal.is_open:
            try:
                self.portal.call(self.engine.close(), timeout=60)
            finally:
                self.portal.close()

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.engine.place.root

    def sql(self, query: str, connection: Any = None) -> Any:
        """The history and the outputs as SQL: a DuckDB relation in your own connection.

        One SELECT; `outputs('namespace.flow', 'task')` is the table that a task handed on.
        Raises `QueryRefused`.
        """
        import duckdb

        table = self.portal.call(self.engine.store.sql(query))
        return (connection or duckdb).from_arrow(table)

    def kv(self, namespace: str) -> Pairs:
        """The key-value pairs of a namespace."""
        return Pairs(self, namespace)

    def follow(self, since: int | None = None) -> Iterator[Any]:
        """Everything new in the history, commit by commit: `batch.events .changes .records .seq`."""
        follower = self.portal.call(_made(self.engine.store.follow, since))
        try:
            while True:
                yield self.portal.call(follower.__anext__())
        finally:
            self.portal.call(follower.aclose())


async def _made(make: Any, *arguments: Any) -> Any:
    return make(*arguments)

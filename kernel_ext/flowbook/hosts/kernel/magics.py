"""`%%flow` and `%flow`: what they are in IPython. What they do is in `verbs.py` and `cell.py`."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_cell_magic, magics_class, no_var_expand
from traitlets import Unicode, default

if TYPE_CHECKING:
    from flowbook.api import Workspace


@magics_class
class FlowMagics(Magics):  # type: ignore[misc]
    """Run flows from cells; `%flow help` lists the verbs."""

    namespace = Unicode(help="The namespace of flows that name none.").tag(config=True)
    workspace = Unicode(help="The workspace's folder; empty to look for it.").tag(config=True)

    @default("namespace")  # type: ignore[untyped-decorator]
    def _namespace(self) -> str:
        from .options import preset

        return str(preset("namespace") or "notebook")

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._opened: Workspace | None = None
        self.last: str | None = None
        """The id of the last run: what verbs take when none is named."""

    @line_cell_magic  # type: ignore[untyped-decorator]
    @no_var_expand  # type: ignore[untyped-decorator]
    def flow(self, line: str, cell: str | None = None) -> Any:
        """`%%flow` runs the flow that the cell's YAML says; `%flow VERB` works with flows and runs.

        `%flow help` lists the verbs, `%flow VERB --help` and `%%flow --help` say what they take.
        """
        from .cell import run_cell
        from .verbs import carry_out

        with _said():
            return carry_out(self, line) if cell is None else run_cell(self, line, cell)

    @cell_magic  # type: ignore[untyped-decorator]
    @no_var_expand  # type: ignore[untyped-decorator]
    def task(self, line: str, cell: str) -> Any:
        """`%%task ID` runs the cell now and keeps it as a task of a flow; `%%task --help` says more."""
        from .tasks import run_task

        with _said():
            return run_task(self, line, cell)

    @property
    def ws(self) -> Workspace:
        """The workspace of this kernel, opened on first use."""
        if self._opened is None:
            from flowbook.api import open as open_workspace

            self._opened = open_workspace(self.workspace or None, kind="kernel")
            atexit.register(self.close)
        return self._opened

    def use(self, path: str) -> None:
        """Work in another workspace from now on."""
        self.close()
        self.workspace = path

    def close(self) -> None:
        """Let go of the workspace; what still runs is handed on."""
        opened, self._opened = self._opened, None
        if opened is not None:
            atexit.unregister(self.close)
            opened.close()


@contextmanager
def _said() -> Iterator[None]:
    """What goes wrong as IPython says it: one line, without a traceback."""
    from flowbook.errors import FlowbookError, FlowInvalid

    from .cell import invalid
    from .waiting import RunEnded

    try:
        yield
    except FlowInvalid as error:
        raise invalid(error) from None
    except RunEnded:
        raise
    except FlowbookError as error:
        from IPython.core.error import UsageError

        raise UsageError(str(error)) from None


def load(shell: Any) -> None:
    """Bring the magics and their completion into a shell, once."""
    if any(isinstance(known, FlowMagics) for known in shell.configurables):
        return
    magics = FlowMagics(shell)
    shell.register_magics(magics)
    completer = getattr(shell, "Completer", None)
    if completer is not None:

        def complete(context: Any) -> Any:
            from .complete import matches

            return matches(magics, context)

        complete.matcher_identifier = "flowbook"  # type: ignore[attr-defined]
        complete.matcher_api_version = 2  # type: ignore[attr-defined]
        complete.matcher_priority = 100  # type: ignore[attr-defined]
        completer.custom_matchers.append(complete)


def unload(shell: Any) -> None:
    """Take the magics out again and close their workspace."""
    for known in [one for one in shell.configurables if isinstance(one, FlowMagics)]:
        known.close()
        shell.configurables.remove(known)
    for kind in ("line", "cell"):
        for name in ("flow", "task"):
            shell.magics_manager.magics[kind].pop(name, None)
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completer.custom_matchers[:] = [
            one
            for one in completer.custom_matchers
            if getattr(one, "matcher_identifier", "") != "flowbook"
        ]

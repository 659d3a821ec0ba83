"""The run's display as an anywidget, for front ends that haven't our extension: VS Code, Colab …"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

VIEW = "application/vnd.jupyter.widget-view+json"


class RunWidget(Protocol):
    """What a display needs of the widget."""

    @property
    def view(self) -> Mapping[str, Any]:
        """What goes into the bundle."""
        ...

    def update(self, run: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


def widget(kill: Callable[[str], None]) -> RunWidget | None:
    """A widget that shows a run and asks for its end; None where anywidget isn't installed."""
    try:
        made: RunWidget = _class()(kill)
    except ImportError:
        return None
    return made


@cache
def _class() -> Any:
    import anywidget
    import traitlets

    from flowbook.views.widget import css, esm

    class RunView(anywidget.AnyWidget):  # type: ignore[misc]
        _esm = esm()
        _css = css()
        run = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

        def __init__(self, kill: Callable[[str], None]) -> None:
            super().__init__()
            self._kill = kill
            self.on_msg(self._asked)
            _answer_while_busy(self)

        @property
        def view(self) -> Mapping[str, Any]:
            return {"version_major": 2, "version_minor": 0, "model_id": self.model_id}

        def update(self, run: Mapping[str, Any]) -> None:
            self.run = dict(run)

        def _asked(self, _: Any, content: Any, __: Any) -> None:
            # Runs in a subshell's thread: `kill` only hands the wish over.
            if isinstance(content, Mapping) and (run_id := content.get("kill")):
                self._kill(str(run_id))

    return RunView


def _answer_while_busy(made: Any) -> None:
    """Let messages of the page in while the cell blocks.

    ipykernel 7.4 sends a comm's messages to the shell that published last, which is the one that
    waits; 7.3 let the page choose, as this does again. The name is private, hence the guard.
    """
    if hasattr(made.comm, "_reply_subshell_for"):
        made.comm._reply_subshell_for = lambda data, default: default

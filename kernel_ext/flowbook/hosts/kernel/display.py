"""One display of a run: published once, then replaced in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .widget import VIEW, RunWidget, widget

if TYPE_CHECKING:
    from flowbook.views.run import RunView

SHORT = 0.5
"""Seconds a run must take before a widget is made for front ends without our extension."""


class RunDisplay:
    """Shows one execution after another moment of it; in a terminal only its end."""

    def __init__(
        self, shell: Any, *, variable: str = "", kill: Callable[[str], None] | None = None
    ) -> None:
        self._live = hasattr(shell, "kernel")
        self._variable = variable
        self._kill = kill
        self._handle: Any = None
        self._widget: RunWidget | None = None
        self._tried = False
        self._shown: Any = None
        self.view: RunView | None = None
        """The last moment that was shown."""

    def show(self, view: RunView) -> None:
        """Publish a moment of the run, unless it looks like the last one."""
        self.view = view
        if not self._live and not view.is_over:
            return
        if self._variable and not view.variable:
            from dataclasses import replace

            view = replace(view, variable=self._variable)
        bundle = view.bundle()
        told = {**view.to_json(), "now": None}
        if told == self._shown and not self._wants_widget(view):
            return
        self._shown = told
        self._publish(self._with_widget(view, bundle))

    def _wants_widget(self, view: RunView) -> bool:
        """Whether it is time for a widget: the first and only try to make one."""
        return (
            self._live
            and self._kill is not None
            and not self._tried
            and not view.is_over
            and (view.elapsed or 0) > SHORT
        )

    def _publish(self, bundle: dict[str, Any]) -> None:
        if self._handle is None:
            from IPython.display import DisplayHandle

            self._handle = DisplayHandle()
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)

    def _with_widget(self, view: RunView, bundle: dict[str, Any]) -> dict[str, Any]:
        """The bundle with a widget's view while the run lasts; a saved one would show an error."""
        if view.is_over:
            if self._widget is not None:
                self._widget.close()
                self._widget = None
            return bundle
        if self._wants_widget(view):
            assert self._kill is not None
            self._tried = True
            self._widget = widget(self._kill)
        if self._widget is None:
            return bundle
        from flowbook.views.run import MIME

        self._widget.update(bundle[MIME])
        return {**bundle, VIEW: self._widget.view}

"""The display of a run for front ends without our JupyterLab extension: what an anywidget is made of."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def esm() -> str:
    """The module that draws `model.run` (`RunView.to_json()`) and sends `{"kill": id}` when asked to."""
    return resources.files(__package__).joinpath("widget.js").read_text(encoding="utf-8")


@cache
def css() -> str:
    """Its stylesheet."""
    return resources.files(__package__).joinpath("widget.css").read_text(encoding="utf-8")

"""What a task handed on as HTML that survives an untrusted notebook: names, first rows, pictures, links."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .outputs import Preview

CELL = "text-align:{};padding:2px 16px 2px 0;border:0;vertical-align:top"
TABLE = "border-collapse:collapse;font-size:12px;border:0"


def html(parts: Sequence[tuple[str, Preview]]) -> str:
    """A table of outputs by name; one without a name is shown alone."""
    if not parts:
        return "<p>Nothing was handed on.</p>"
    if len(parts) == 1 and not parts[0][0]:
        return _preview(parts[0][1])
    rows = "".join(_row(name, preview) for name, preview in parts)
    return f'<table style="{TABLE}"><tbody>{rows}</tbody></table>'


def _row(name: str, preview: Preview) -> str:
    left = CELL.format("left")
    return (
        f'<tr style="background:none"><td style="{left}"><b>{escape(name)}</b></td>'
        f'<td style="{left}">{_preview(preview)}</td></tr>'
    )


def _preview(preview: Preview) -> str:
    note = f'<div style="opacity:0.7">{escape(preview.note)}</div>' if preview.note else ""
    if preview.image:
        shown = (
            f'<img alt="{escape(preview.note or preview.title)}" src="{escape(preview.image)}" '
            'style="max-width:480px;max-height:320px">'
        )
        return shown + note
    if preview.columns:
        return _table(preview) + note
    if preview.path:
        return f'<a href="{escape(preview.path)}">{escape(preview.text)}</a>{note}'
    return f"<code>{escape(preview.text)}</code>{note}"


def _table(preview: Preview) -> str:
    sides = ["right" if numeric else "left" for numeric in preview.numeric]
    heads = "".join(
        f'<th style="{CELL.format(side)}">{escape(name)}</th>'
        for name, side in zip(preview.columns, sides, strict=True)
    )
    body = "".join(
        '<tr style="background:none">'
        + "".join(
            f'<td style="{CELL.format(side)}">{escape(text)}</td>'
            for text, side in zip(row, sides, strict=True)
        )
        + "</tr>"
        for row in preview.rows
    )
    return f'<table style="{TABLE}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'

"""Rendered values as parameters of a notebook: tables and files become local paths."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from flowbook.errors import TaskFailed
from flowbook.kernels.translate import Table
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json, Template
from flowbook.plugin.files import URI


async def rendered(context: Context, given: Json) -> dict[str, Any]:
    """The map of parameters, as the kernel gets them."""
    value = await context.render_json(given.source if isinstance(given, Template) else given)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TaskFailed(
            f"'parameters' must be a map of names and values, but is '{str(value)[:200]}'"
        )
    return {str(name): await local(context, str(name), item) for name, item in value.items()}


async def local(context: Context, name: str, value: Any) -> Any:
    """A value as code on this machine gets it."""
    if hasattr(value, "records") and hasattr(value, "uri"):
        columns = tuple(str(column["name"]) for column in value.columns)
        return Table(await context.fetch(value.uri), value.uri, value.rows, columns)
    if isinstance(value, str):
        if URI.fullmatch(value.strip()):
            return str(await _copy(context, name, value.strip()))
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): await local(context, name, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [await local(context, name, item) for item in value]
    return value


async def _copy(context: Context, name: str, uri: str) -> Path:
    """A copy of a stored file that the notebook may do with as it likes."""
    source = await context.fetch(uri)
    target = context.run_folder / "parameters" / name / (PurePosixPath(uri).name or "file")
    await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(shutil.copyfile, source, target)
    return target

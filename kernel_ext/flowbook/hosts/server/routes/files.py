"""`/api/x/files`: executed notebooks in the workspace's storage, to be looked at."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from flowbook.engine.workspace import Workspace
from flowbook.errors import FlowbookError, NotFound
from flowbook.storage.uri import uri_of

from ..base import FlowbookHandler, guarded

LARGEST = 200 * 2**20


class NotebookHandler(FlowbookHandler):
    """One stored notebook with its outputs; it can't be written."""

    @guarded
    async def get(self, path: str) -> None:
        workspace = await self.host.existing()
        if workspace is None:
            raise NotFound(f"There is no notebook '{path}'")
        with_content = self.get_query_argument("content", "1") != "0"
        self.answer(await self.host.wait(_read(workspace, path, with_content=with_content)))


async def _read(workspace: Workspace, path: str, *, with_content: bool) -> dict[str, Any]:
    uri = uri_of(*path.split("/"))
    file = workspace.storage.path(uri)
    if file.suffix != ".ipynb" or not file.is_file():
        raise NotFound(f"There is no notebook '{path}'")
    found: dict[str, Any] = {
        "name": file.name,
        "modified": datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(),
    }
    if not with_content:
        return found
    try:
        return {**found, "content": json.loads(workspace.storage.read(uri, LARGEST))}
    except ValueError as error:
        raise FlowbookError(f"{path} is not a notebook: {error}") from None


ROUTES = [(r"/files/(.+)", NotebookHandler)]

"""`core.namespace.UploadFiles`."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask
from flowbook.plugin import files as working
from flowbook.plugin.spelling import AnyCase

from .tree import inside, root_of


class Conflict(AnyCase):
    """What happens to a file that is there."""

    OVERWRITE = "OVERWRITE"
    ERROR = "ERROR"
    SKIP = "SKIP"


class UploadFiles(RunnableTask):
    """Put files into a namespace."""

    namespace: Dynamic[str | None] = None
    """The namespace; this flow's own if left out."""
    files: Dynamic[Json] = None
    """Globs of files in the working directory, or storage URIs; older flows: what `filesMap` says."""
    files_map: Dynamic[Json] = None
    """Names and storage URIs (or texts)."""
    destination: Dynamic[str] = "/"
    """The folder they go to."""
    conflict: Dynamic[Conflict] = Conflict.OVERWRITE
    """OVERWRITE, SKIP or ERROR if a file is there."""

    async def run(self, context: Context) -> dict[str, Json]:
        globs = await context.render(self.files)
        given = await context.render(self.files_map)
        if isinstance(globs, Mapping):
            given = {**globs, **(given if isinstance(given, Mapping) else {})}
            globs = None
        globs = [globs] if isinstance(globs, str) else [str(one) for one in globs or ()]
        stored = {PurePosixPath(one).name: one for one in globs if working.IS_URI.fullmatch(one)}
        if not globs and not given:
            raise TaskFailed("files or filesMap is required")
        if given and not isinstance(given, Mapping):
            raise TaskFailed(f"'filesMap' must be a map of names and URIs, but is '{given}'")
        root = root_of(context, await context.render(self.namespace))
        folder = (await context.render(self.destination)).strip("/")
        conflict = await context.render(self.conflict)
        written: dict[str, Json] = {}
        globs = [one for one in globs if not working.IS_URI.fullmatch(one)]
        for name in working.matching(context.directory, globs):
            target = _target(root, f"{folder}/{name}", conflict)
            if target is not None:
                await asyncio.to_thread(shutil.copyfile, context.directory / name, target)
                written[f"/{target.relative_to(root).as_posix()}"] = name
        for name, content in {**stored, **(given or {})}.items():
            target = _target(root, f"{folder}/{name}", conflict)
            if target is not None:
                await working.put_file(context, content, target)
                written[f"/{target.relative_to(root).as_posix()}"] = content
        return {"files": written}


def _target(root: Path, name: str, conflict: Conflict) -> Path | None:
    """Where a file goes; `None` for one that is skipped."""
    target = inside(root, name)
    if target.exists() and conflict is not Conflict.OVERWRITE:
        if conflict is Conflict.SKIP:
            return None
        raise TaskFailed(f"File '/{target.relative_to(root).as_posix()}' exists already")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


NOTES = Example(
    title="Keep a file for all flows of the namespace",
    logs=("kept for all",),
    flow="""
id: keep-for-all
namespace: demo.files
tasks:
  - id: keep
    type: io.kestra.plugin.core.namespace.UploadFiles
    filesMap: {notes/today.txt: kept for all}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ read('notes/today.txt') }}"}
""",
)

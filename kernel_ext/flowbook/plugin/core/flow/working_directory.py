"""`core.flow.WorkingDirectory`."""

from __future__ import annotations

import asyncio
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from flowbook.kinds.answers import Answers
from flowbook.kinds.context import Context
from flowbook.kinds.durations import Duration
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example, Written
from flowbook.kinds.plan import Plan, enabled, one_lane
from flowbook.kinds.state import State
from flowbook.kinds.task import AnyTask, Done, FlowableTask, Level, Task
from flowbook.plugin import files
from flowbook.storage.uri import slug, uri_of


class Cache(Written):
    """Files that the next run of the task begins with."""

    patterns: tuple[str, ...]
    """Globs of the files."""
    ttl: Duration | None = None
    """How long they are good for; for ever if left out."""


class WorkingDirectory(FlowableTask):
    """Run tasks one after another in one working directory, so that each sees the files of those before.

    A restart begins it anew: the directory is gone when the task has ended.
    """

    aliases: ClassVar[tuple[str, ...]] = (
        "io.kestra.core.tasks.flows.WorkingDirectory",
        "io.kestra.core.tasks.flows.Worker",
    )
    hands_on_value: ClassVar[bool] = True
    shares_directory: ClassVar[bool] = True
    restarts_whole: ClassVar[bool] = True

    tasks: tuple[AnyTask, ...]
    """The tasks, in their order; none that only steers others."""
    cache: Cache | None = None  # type: ignore[assignment]  # of files, not of results
    """Files that the next run begins with: `{patterns, ttl}`."""
    input_files: Json = None
    """Files for the directory: name → text or storage URI."""
    namespace_files: Json = None
    """Which files of the namespace are put into it: `true` or `{include, exclude}`."""
    output_files: Dynamic[tuple[str, ...] | None] = None
    """Globs of files to store at the end; the output `outputFiles` has their URIs."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def plan(self, answers: Answers) -> Plan:
        return one_lane(enabled(self.tasks))

    @property
    def opens(self) -> bool:
        return bool(self.cache or self.input_files or self.namespace_files)

    async def opening(self, context: Context, answers: Mapping[str, Json]) -> Mapping[str, Json]:
        directory = context.directory
        opened: dict[str, Json] = {}
        if self.cache is not None:
            place = self._archive(context)
            newest = await asyncio.to_thread(_unpack, place, directory, self.cache, context)
            opened["cachedAt"] = newest
        if self.namespace_files:
            await files.put_namespace_files(context, self.namespace_files, directory)
        if self.input_files is not None:
            extra = {"workingDir": str(directory)}
            await files.put_files(context, self.input_files, directory, extra)
        return opened

    def closes(self, state: State, answers: Answers) -> bool:
        return self.output_files is not None or (self.cache is not None and _is_good(state))

    async def closing(self, context: Context, done: Done) -> Mapping[str, Json]:
        directory = context.directory
        given: dict[str, Json] = {}
        patterns = await context.render(self.output_files)
        if patterns is not None:
            names = await asyncio.to_thread(files.matching, directory, patterns)
            given["outputFiles"] = await files.store_files(context, directory, names)
        if self.cache is not None and _is_good(done.state):
            since = float(done.answers.get("cachedAt") or 0)
            place = self._archive(context)
            await asyncio.to_thread(_pack, place, directory, self.cache, since, context)
        return given

    def _archive(self, context: Context) -> tuple[Any, tuple[str, ...]]:
        """Storage and place of the cached files, which every run of the task shares."""
        value = context.value
        own = [hashlib.sha256(value.encode()).hexdigest()[:16]] if value is not None else []
        storage = context.engine.storage
        prefix = storage.flow_prefix(context.namespace, context.flow_id)
        return storage, (prefix, slug(self.id), "cache", *own, "cache.zip")


def _is_good(state: State) -> bool:
    return state in (State.SUCCESS, State.WARNING)


def _unpack(
    place: tuple[Any, tuple[str, ...]], directory: Path, cache: Cache, context: Context
) -> float:
    """Put the cached files into the directory; the date of the youngest, 0 if there are none."""
    storage, segments = place
    uri = uri_of(*segments)
    if not storage.exists(uri):
        return 0.0
    archive = storage.path(uri)
    age = context.now().timestamp() - archive.stat().st_mtime
    if cache.ttl is not None and age > cache.ttl.total_seconds():
        return 0.0
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(directory)  # drops `..` and roots from names
        names = packed.namelist()
    context.log(Level.DEBUG, "Cached files are put into the working directory")
    return _newest(directory, names)


def _newest(directory: Path, names: Sequence[str]) -> float:
    return max(((directory / name).stat().st_mtime for name in names), default=0.0)


def _pack(
    place: tuple[Any, tuple[str, ...]],
    directory: Path,
    cache: Cache,
    since: float,
    context: Context,
) -> None:
    """Keep the files for the next run, if one of them is newer than what was kept."""
    storage, segments = place
    names = files.matching(directory, cache.patterns)
    if not names or _newest(directory, names) <= since:
        context.log(Level.DEBUG, "Cached files have not changed")
        return
    with TemporaryDirectory(prefix="flowbook-") as folder:
        archive = Path(folder) / "cache.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in names:
                packed.write(directory / name, name)
        storage.put(*segments, source=archive, move=True)


SHARED = Example(
    title="Files from one task to the next",
    outputs={"count": {"vars": {"words": 3}}, "place": {"outputFiles": {}}},
    flow="""
id: files-from-task-to-task
namespace: demo
tasks:
  - id: place
    type: io.kestra.plugin.core.flow.WorkingDirectory
    inputFiles:
      words.txt: one two three
    outputFiles: ["*.txt"]
    tasks:
      - id: sort
        type: io.kestra.plugin.scripts.shell.Commands
        commands: ["tr ' ' '\\n' < words.txt | sort > sorted.txt"]
      - id: count
        type: io.kestra.plugin.scripts.shell.Commands
        commands: ['echo "::{\\"outputs\\": {\\"words\\": $(grep -c . sorted.txt)}}::"']
""",
)
CACHED = Example(
    title="Files that the next run begins with",
    logs=("fetched",),
    flow="""
id: files-that-stay
namespace: demo
tasks:
  - id: place
    type: io.kestra.plugin.core.flow.WorkingDirectory
    cache: {patterns: ["packages/**"], ttl: PT1H}
    tasks:
      - id: fetch
        type: io.kestra.plugin.scripts.shell.Commands
        commands: ["mkdir -p packages", "[ -f packages/big ] || { echo fetched; echo data > packages/big; }"]
""",
)

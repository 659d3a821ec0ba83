"""What all script tasks share: their properties, and how one is run as a local process."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from pydantic import AliasChoices, Field

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.state import State
from flowbook.kinds.task import Output, RunnableTask
from flowbook.plugin import files

from .channel import handed_out, opened
from .printed import Printed, printed_json
from .process import GRACE, run_process
from .runner import Runner, chosen_runner

LONGEST_ARGUMENT = 100_000
"""A command line longer than this is read from a file: systems limit one argument to 128 KiB."""


@dataclass
class Place:
    """The working directory of one attempt, and what is known about it."""

    directory: Path
    output_directory: Path
    extra: Mapping[str, Json]
    uris: dict[str, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    """Files that are ours or the author's, not the script's."""

    def write(self, text: str, suffix: str) -> str:
        """Write a file of ours; its name."""
        name = f"{uuid4().hex}{suffix}"
        (self.directory / name).write_text(text, encoding="utf-8")
        self.written.add(name)
        return name


class ScriptTask(RunnableTask):
    """A task that runs a program on this machine."""

    image: ClassVar[str] = "ubuntu"
    """The container's image where a container runner is asked for."""

    before_commands: Dynamic[tuple[str, ...] | None] = None
    """Commands that run first, in the same shell."""
    interpreter: Dynamic[tuple[str, ...]] = ("/bin/sh", "-c")
    """What reads the commands."""
    fail_fast: Dynamic[bool] = Field(
        True, validation_alias=AliasChoices("failFast", "exitOnFailed", "fail_fast")
    )
    """Stop at the first command that fails; else the last one decides."""
    env: Json = None
    """Environment variables, as a map."""
    input_files: Json = None
    """Files for the working directory: name → text or storage URI."""
    output_files: Dynamic[tuple[str, ...] | None] = None
    """Globs of files to store; the output `outputFiles` has their URIs."""
    namespace_files: Json = None
    """Which files of the namespace are put into the working directory: `true` or `{include, exclude}`."""
    output_dir: Json = Field(
        None, validation_alias=AliasChoices("outputDir", "outputDirectory", "output_dir")
    )
    """`true`: everything written under `{{ outputDir }}` is stored."""
    warning_on_std_err: Dynamic[bool] = False
    """Lines on standard error make the task run a WARNING."""
    container_image: Dynamic[str | None] = None
    """The container's image, for container runners."""
    task_runner: Json = None
    """Where it runs: `{type: …}`; a local process unless said otherwise."""
    runner: Json = None
    """Older form of `taskRunner`: PROCESS or DOCKER."""
    docker: Json = None
    """Older form of `taskRunner` for Docker."""
    target_os: str = Field("AUTO", validation_alias=AliasChoices("targetOS", "target_os"))
    """The system of the commands; only POSIX shells are run."""

    @abstractmethod
    async def lines(self, context: Context, place: Place) -> Sequence[str]:
        """The command lines, rendered; files they need are written."""

    @abstractmethod
    def source(self) -> str:
        """The text people wrote, unrendered."""

    async def run(self, context: Context) -> Output:
        runner = await chosen_runner(self, context)
        place = await self._prepared(context)
        before = files.seen(place.directory) if context.dialect == "seed" else {}
        printed = Printed(context)
        with opened(context):
            code = await self._run(context, place, printed, runner)
        outputs = await self._outputs(context, place, printed, code, before)
        if code:
            raise TaskFailed(f"Command failed with exit code {code}", outputs=outputs)
        warn = printed.err_lines > 0 and await context.render(self.warning_on_std_err)
        return Output(values=outputs, state=State.WARNING if warn else None)

    async def _prepared(self, context: Context) -> Place:
        directory = context.directory
        output = directory / "outputs" if self.output_dir else context.run_folder / "output-dir"
        wanted = bool(self.output_dir) or "outputDir" in self.source()
        if wanted:
            output.mkdir(parents=True, exist_ok=True)
        extra = {"workingDir": str(directory), "outputDir": str(output)}
        place = Place(directory, output, extra)
        if self.namespace_files:
            place.written |= await files.put_namespace_files(
                context, self.namespace_files, directory
            )
        if self.input_files is not None:
            place.written |= await files.put_files(context, self.input_files, directory, extra)
        elif context.dialect == "seed":
            place.written |= await files.put_mentioned(context, self.source(), directory)
        return place

    async def _run(self, context: Context, place: Place, printed: Printed, runner: Runner) -> int:
        lines = [
            await files.local_uris(context, line, place.directory, place.uris)
            for line in [
                *await files.text_list(context, self.before_commands, place.extra),
                *await self.lines(context, place),
            ]
        ]
        if await context.render(self.fail_fast):
            lines.insert(0, "set -e")
        text = "\n".join(lines)
        if len(text.encode()) > LONGEST_ARGUMENT:
            text = f". ./{place.write(text, '.sh')}"
        interpreter = await context.render(self.interpreter)
        return await run_process(
            [*interpreter, text],
            directory=place.directory,
            environment=await self._environment(context, place),
            out=printed.out,
            err=printed.err,
            grace=runner.grace if runner.grace is not None else GRACE,
            memory=runner.memory,
        )

    async def _environment(self, context: Context, place: Place) -> dict[str, str]:
        given = {} if self.env is None else await files.text_map(context, self.env, place.extra)
        environment = context.environment()
        bin_folder = str(Path(sys.executable).parent)
        environment["PATH"] = os.pathsep.join([bin_folder, environment.get("PATH") or os.defpath])
        environment |= {
            "WORKING_DIR": str(place.directory),
            "PYTHONUNBUFFERED": "1",
            "KESTRA_NAMESPACE": context.namespace,
            "KESTRA_FLOW_ID": context.flow_id,
            "KESTRA_EXECUTION_ID": context.execution_id,
            "KESTRA_TASKRUN_ID": context.task_run_id,
        }
        if place.output_directory.is_dir():
            environment["OUTPUT_DIR"] = str(place.output_directory)
        return environment | given

    async def _outputs(
        self, context: Context, place: Place, printed: Printed, code: int, before: files.Seen
    ) -> dict[str, Json]:
        patterns = await files.text_list(context, self.output_files, place.extra)
        names = await asyncio.to_thread(files.matching, place.directory, patterns)
        if context.dialect == "seed" and code == 0:
            more = await asyncio.to_thread(files.changed, place.directory, before, place.written)
            names = list(dict.fromkeys([*names, *more]))
        stored = await files.store_files(context, place.directory, names)
        if place.output_directory.is_dir():
            inside = list(await asyncio.to_thread(files.seen, place.output_directory))
            stored |= await files.store_files(context, place.output_directory, inside)
        variables = printed.vars
        if context.dialect == "seed" and not printed.commanded:
            variables = printed_json(printed.tail()) | files.json_files(place.directory, names)
        results = await handed_out(context)
        variables = {**variables, **results}
        return {**results, "exitCode": code, "vars": variables, "outputFiles": stored}


class CommandsTask(ScriptTask):
    """A script task that is a list of commands."""

    commands: Dynamic[tuple[str, ...] | str]
    """The commands, one after another in one shell."""

    async def lines(self, context: Context, place: Place) -> Sequence[str]:
        return await files.text_list(context, self.commands, place.extra)

    def source(self) -> str:
        return str(self.commands)


class InlineScriptTask(ScriptTask):
    """A script task whose program stands in the flow."""

    extension: ClassVar[str] = ""
    program: ClassVar[tuple[str, ...]] = ()

    script: Dynamic[str]
    """The program's text."""

    def command(self) -> Sequence[str]:
        """What runs the file of the script."""
        return self.program

    async def lines(self, context: Context, place: Place) -> Sequence[str]:
        command = self.command()
        if shutil.which(command[0]) is None:
            raise TaskFailed(f"{self.type} needs the program '{command[0]}' on this machine")
        text = await context.render_text(str(self.script), place.extra)
        text = await files.local_uris(context, text, place.directory, place.uris)
        return [shlex.join([*command, place.write(text, self.extension)])]

    def source(self) -> str:
        return str(self.script)

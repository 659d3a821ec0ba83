"""What the DuckDB tasks share: files by name, a connection of their own, interruption."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.plugin import files
from flowbook.plugin.jdbc.rows import Fetched, FetchType, outputs_of
from flowbook.plugin.jdbc.sql import QueryTask
from flowbook.plugin.jdbc.threads import interruptible


class DuckdbTask(QueryTask):
    """A task that runs SQL in DuckDB, in memory unless `url` names a file."""

    input_files: Json = None
    """Files that the SQL can name: name → text, storage URI or table."""
    output_files: Dynamic[tuple[str, ...] | None] = None
    """Globs of files to store that the SQL has written; the output `outputFiles` has their URIs."""

    async def results(
        self, context: Context, *, each: bool
    ) -> tuple[Sequence[Fetched], frozenset[FetchType], dict[str, str]]:
        """Run the SQL; what its statements gave, what is wanted of it, and the files it wrote."""
        from .connection import connect, run

        directory = context.directory
        extra = {"workingDir": str(directory)}
        if self.input_files is not None:
            await files.put_files(context, self.input_files, directory, extra)
        elif context.dialect == "seed":
            await files.put_mentioned(context, str(self.sql), directory)
        patterns = await files.text_list(context, self.output_files, extra)
        extra["outputFiles"] = {name: str(directory / name) for name in patterns}  # type: ignore[assignment]  # a map beside texts
        sql = await context.render_text(str(self.sql), extra)
        sql = await files.fetched_uris(context, sql)
        parameters = await context.render(self.parameters) or {}
        wanted = await self.wanted(context)
        connection = connect(
            await context.render(self.url),
            directory=directory,
            root=context.workspace_root,
            zone=await context.render(self.time_zone_id),
        )
        batch = await context.render(self.fetch_size)
        ignore = await context.render(self.ignore_missing)
        folder = context.run_folder / "results"
        try:
            results = await interruptible(
                lambda: run(
                    connection,
                    sql,
                    parameters,
                    wanted=wanted,
                    directory=directory,
                    folder=folder,
                    batch=batch,
                    each=each,
                    ignore_missing=ignore,
                ),
                connection.interrupt,
            )
        finally:
            connection.close()
        names = await asyncio.to_thread(files.matching, directory, patterns)
        return results, wanted, await files.store_files(context, directory, names)

    async def outputs(
        self, context: Context, result: Fetched, wanted: frozenset[FetchType]
    ) -> dict[str, Json]:
        """The outputs of one statement."""
        return await outputs_of(context, result, wanted)

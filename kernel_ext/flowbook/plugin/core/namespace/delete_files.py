"""`core.namespace.DeleteFiles`."""

from __future__ import annotations

from pathlib import Path

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask

from .tree import matching, root_of


class DeleteFiles(RunnableTask):
    """Delete files of a namespace."""

    namespace: Dynamic[str | None] = None
    """The namespace; this flow's own if left out."""
    files: Dynamic[tuple[str, ...] | str]
    """Names or globs."""
    delete_parent_folder: Dynamic[bool] = False
    """Folders that have nothing left are deleted too."""

    async def run(self, context: Context) -> dict[str, Json]:
        root = root_of(context, await context.render(self.namespace))
        given = await context.render(self.files)
        names = matching(root, (given,) if isinstance(given, str) else given)
        for name in names:
            (root / name).unlink()
        if await context.render(self.delete_parent_folder):
            for name in names:
                _sweep(root, root / name)
        context.metric("deleted", len(names))
        return {"files": None, "deleted": len(names)}


def _sweep(root: Path, gone: Path) -> None:
    """Delete the folders above a file that is gone, up to the first with something in it."""
    for folder in gone.parents:
        if folder == root or not folder.is_relative_to(root) or any(folder.iterdir()):
            return
        folder.rmdir()


TIDY = Example(
    title="Delete what is no longer needed",
    outputs={"tidy": {"deleted": 1}},
    flow="""
id: tidy-the-namespace
namespace: demo.tidy
tasks:
  - {id: put, type: io.kestra.plugin.core.namespace.UploadFiles, filesMap: {old/a.txt: a, b.txt: b}}
  - {id: tidy, type: io.kestra.plugin.core.namespace.DeleteFiles, files: old/**}
""",
)

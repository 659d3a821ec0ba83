"""`flowbook.jupyter.Cell`."""

from __future__ import annotations

from pydantic import field_validator

from flowbook.kernels.pieces import Piece
from flowbook.kinds.context import Context
from flowbook.kinds.part import Example
from flowbook.kinds.task import Output, RunnableTask

from .places import carried_out


class Cell(RunnableTask):
    """Run code in the namespace that all cells of the execution share.

    In a notebook (`%%flow`, `%flow run`) that is the notebook's own: what the code displays appears
    under the cell that waits. Elsewhere the cells of an execution share one fresh kernel.
    """

    code: str
    """The code, as in a notebook's cell: magics and top-level `await` are fine. It is no template."""
    language: str = "python"
    """The code's language, or the name of a kernel."""
    outputs: tuple[str, ...] = ()
    """Names that are handed on when the code has run."""
    after: tuple[str, ...] = ()
    """The cells that this one needs: they stand above it."""

    @field_validator("language")
    @classmethod
    def _spelled(cls, name: str) -> str:
        return "python" if name.lower() in ("python", "python3", "ipython") else name.lower()

    async def run(self, context: Context) -> Output:
        piece = Piece(
            title=self.id,
            code=self.code,
            folder=context.run_folder,
            outputs=self.outputs,
            result="result" not in self.outputs,
        )
        return await carried_out(context, piece, self.language)


TOTAL = Example(
    title="Two cells that share their variables",
    outputs={"load": {"frame": [{"n": 0}, {"n": 1}, {"n": 2}]}, "total": {"result": 3}},
    flow="""
id: two-cells
namespace: demo
tasks:
  - id: load
    type: flowbook.jupyter.Cell
    outputs: [frame]
    code: |
      frame = [{"n": i} for i in range(3)]
  - id: total
    type: flowbook.jupyter.Cell
    after: [load]
    code: |
      sum(r["n"] for r in frame)
""",
)

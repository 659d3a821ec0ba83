"""The text of a flow of cells: cells put in and replaced, everything else of it left alone."""

from __future__ import annotations

import pytest

from flowbook.errors import Conflict, NotFound
from flowbook.flows.cell_flow import NewCell, cells_of, with_cell
from flowbook.flows.parse import parse

UID = ("notebook", "prep")
WRITTEN = """\
# what it is for
id: prep
namespace: notebook
inputs:
  - {id: day, type: DATE}
tasks:
# first of all
  - id: load
    type: flowbook.jupyter.Cell
    timeout: PT1M
    outputs: [frame]
    code: frame = []
  - {id: plot, type: flowbook.jupyter.Cell, after: [load], code: "plot()"}

# at seven
triggers:
  - {id: daily, type: core.trigger.Schedule, cron: "0 7 * * *"}
"""


def put(text: str | None, name: str, code: str, **more: object) -> str:
    return with_cell(text, UID, NewCell(id=name, code=code, **more)).text  # type: ignore[arg-type]


def test_a_flow_grows_cell_by_cell_in_the_order_of_its_names() -> None:
    text = put(None, "total", "sum(frame)")
    text = put(text, "load", "frame = [1]\n\n'''  {{ odd }}\n'''\n", outputs=("frame",))
    text = put(text, "say", "print(1)", after=("load",))

    assert text == (
        "id: prep\nnamespace: notebook\n\ntasks:\n"
        "  - id: load\n    type: flowbook.jupyter.Cell\n    outputs: [frame]\n    code: |\n"
        "      frame = [1]\n\n      '''  {{ odd }}\n      '''\n\n"
        "  - id: total\n    type: flowbook.jupyter.Cell\n"
        "    after: [load]  # from names: load by frame\n    code: |\n      sum(frame)\n\n"
        "  - id: say\n    type: flowbook.jupyter.Cell\n    after: [load]\n    code: |\n      print(1)\n"
    )
    flow = parse(text)
    assert [task.id for task in flow.tasks] == ["load", "total", "say"]
    assert flow.tasks[0].code == "frame = [1]\n\n'''  {{ odd }}\n'''\n"  # type: ignore[attr-defined]


def test_what_follows_from_names_follows_anew_and_what_is_said_stays() -> None:
    text = put(put(None, "load", "frame = [1]"), "total", "sum(frame)")
    text = put(text, "say", "print(1)", after=("load",))
    text = put(text, "load", "rows = [1]")

    assert "from names" not in text
    assert [str(edge) for edge in cells_of(text).edges] == ["load → say, as it says"]
    assert cells_of(text).undefined == {"total": ("frame",)}


def test_the_rest_of_the_flow_is_left_as_it_is() -> None:
    text = put(WRITTEN, "total", "sum(frame)")
    before, _, rest = text.partition("tasks:\n")

    assert before == WRITTEN.partition("tasks:\n")[0]
    assert rest.endswith(WRITTEN[WRITTEN.index("\n# at seven") :])
    assert "    timeout: PT1M\n" in rest
    assert [task.id for task in parse(text).tasks] == ["load", "plot", "total"]
    assert put(text, "total", "sum(frame)") == text


@pytest.mark.parametrize(
    "code", ["a\tb", "x = 1  \n\ny = 2", "\n\nx = 1", "  x", "é = '🙂'", "# \u0007"]
)
def test_any_code_comes_back_as_it_was(code: str) -> None:
    text = put(put(None, "odd", code), "other", "1")
    found = {task.id: task for task in parse(text).tasks}
    assert found["odd"].code == code.rstrip("\n") + "\n"  # type: ignore[attr-defined]


def test_a_cell_gets_another_name_wherever_it_stands() -> None:
    text = put(put(None, "load", "frame = [1]"), "total", "sum(frame)")
    text = put(text, "say", "print(1)", after=("load",))
    text = put(text, "read", "frame = [2]", instead="load")

    assert [str(edge) for edge in cells_of(text).edges] == [
        "read → say, as it says",
        "read → total, by frame",
    ]
    assert "load" not in text
    with pytest.raises(NotFound, match="no cell 'lead' to take the place of"):
        put(text, "x", "1", instead="lead")
    with pytest.raises(Conflict, match="has a cell 'total' already"):
        put(text, "total", "1", instead="read")


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(NotFound, match=r"no cell 'lod' to come before\. Did you mean 'load'\?"):
        put(WRITTEN, "x", "1", after=("lod",))
    with pytest.raises(Conflict, match="would wait for each other: load, plot"):
        put(WRITTEN, "load", "1", after=("plot",))
    with pytest.raises(Conflict, match=r"tasks that are no cells \(log\)"):
        put("id: prep\nnamespace: notebook\ntasks: [{id: log, type: core.log.Log}]", "x", "1")

"""What a kernel publishes, as entries of the executed copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from flowbook.kernels.cells import CellOutputs, Widgets, error_line, excerpt
from flowbook.kernels.executed import WIDGETS, Executed
from flowbook.kernels.notebook import cleared

from .conftest import notebook


class Cell:
    """One cell that hears messages and the copy they make."""

    def __init__(self, secrets: Sequence[str] = (), limit: int = 1000) -> None:
        self.executed = Executed(cleared(notebook("1", "2")))
        self.entries: list[Any] = []
        self.outputs = CellOutputs(0, self.emit, secrets, limit)
        self.widgets = Widgets(self.emit, secrets)

    def emit(self, entry: Any) -> None:
        self.entries.append(entry)
        self.executed.apply(entry)

    def stream(self, *texts: str, name: str = "stdout") -> None:
        for text in texts:
            self.outputs.hear({"msg_type": "stream", "content": {"name": name, "text": text}})

    def hear(self, kind: str, **content: Any) -> None:
        self.outputs.hear({"msg_type": kind, "content": content})

    def seen(self) -> list[Any]:
        self.outputs.finish()
        return list(self.executed.outputs(0))


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "pieces",
    [
        ["a hunter2hunter2\n", "hun", "ter2hunter2\n"],
        ["a hunter2hunter2\nhun", "ter2hunter2", "\n"],
        ["a hunter2", "hunter2", "\n", "hun", "ter2hunter2", "\n"],
        list("a hunter2hunter2\nhunter2hunter2\n"),
    ],
)
def test_a_secret_in_pieces_is_masked_in_every_entry(pieces: list[str]) -> None:
    cell = Cell([SECRET])
    cell.stream(*pieces)
    assert cell.seen()[0]["text"] == "a ********\n********\n" == cell.outputs.text
    assert "hunter2" not in "".join(entry["output"]["text"] for entry in cell.entries)


def test_what_only_begins_like_a_secret_is_kept() -> None:
    cell = Cell([SECRET])
    cell.stream("hunt")
    cell.stream("er", name="stderr")
    assert [output["text"] for output in cell.seen()] == ["hunt", "er"]


def test_streams_are_joined_and_displays_stay_between() -> None:
    cell = Cell()
    cell.stream("a", "b")
    cell.hear("display_data", data={"text/plain": "x"})
    cell.stream("c")
    assert [output.get("text") for output in cell.seen()] == ["ab", None, "c"]
    assert cell.outputs.count == 3
    assert cell.outputs.text == "abx\nc"


def test_clear_output_now_and_later() -> None:
    cell = Cell()
    cell.stream("old")
    cell.hear("clear_output", wait=True)
    assert cell.seen()[0]["text"] == "old"
    cell.stream("new")
    assert [output["text"] for output in cell.seen()] == ["new"]
    cell.hear("clear_output", wait=False)
    assert cell.seen() == []
    assert cell.outputs.text == ""


def test_a_display_is_updated_wherever_it_stands() -> None:
    cell = Cell()
    for _ in range(2):
        cell.hear("display_data", data={"text/plain": "1"}, transient={"display_id": "d"})
    cell.hear("update_display_data", data={"text/plain": "2"}, transient={"display_id": "d"})
    assert [output["data"]["text/plain"] for output in cell.seen()] == ["2", "2"]


def test_outputs_above_the_limit_are_cut_once_and_said() -> None:
    cell = Cell(limit=10)
    cell.stream("12345", "67890abc", "more")
    cell.hear("display_data", data={"text/plain": "x"})
    cell.hear("error", ename="E", evalue="v", traceback=[])
    kept = cell.seen()
    assert [output["output_type"] for output in kept] == ["stream", "stream", "error"]
    assert kept[0]["text"] == "1234567890"
    assert "flowbook.notebooks.max-output" in kept[1]["text"]


def test_widgets_are_kept_as_they_ended() -> None:
    cell = Cell()
    opened = {
        "state": {
            "_model_name": "IntProgressModel",
            "_model_module": "@jupyter-widgets/controls",
            "value": 0,
        },
        "buffer_paths": [],
    }
    cell.widgets.hear(
        {
            "msg_type": "comm_open",
            "content": {"comm_id": "m", "target_name": "jupyter.widget", "data": opened},
        }
    )
    update = {"method": "update", "state": {"value": 7}, "buffer_paths": [["data"]]}
    cell.widgets.hear(
        {"msg_type": "comm_msg", "content": {"comm_id": "m", "data": update}, "buffers": [b"x"]}
    )
    kept = cell.executed.settled()["metadata"]["widgets"][WIDGETS]["state"]["m"]
    assert kept["state"]["value"] == 7
    assert kept["model_name"] == "IntProgressModel"
    assert kept["buffers"] == [{"encoding": "base64", "path": ["data"], "data": "eA=="}]


def test_the_line_of_an_error() -> None:
    trace = "Cell In[2], line 3\n  f()\nCell In[1], line 9, in f()\nFile x.py:4"
    assert error_line(trace, 2) == 3
    assert error_line(trace, 1) == 9
    assert error_line("no place", 1) is None
    assert excerpt("a\nb", 1) == "→   1 | a\n    2 | b"
    assert excerpt("a", None) == ""

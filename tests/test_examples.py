"""Every example that stands beside a part, run through the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import flowbook as fb
from flowbook.kinds.find import find, index
from flowbook.kinds.part import Example, examples

RUN = [
    pytest.param(example, id=f"{name.removeprefix('io.kestra.plugin.')}-{example.title}")
    for kind, names in index()["types"].items()
    for name in names
    if (part := find(kind, name)) is not None
    for example in examples(part)
    if not example.needs
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with fb.open(tmp_path_factory.mktemp("examples"), embedded=True) as workspace:
        yield workspace


@pytest.mark.parametrize("example", RUN)
def test_an_example_does_what_it_says(workspace: Any, example: Example) -> None:
    run = workspace.run(example.flow, inputs=dict(example.inputs), timeout=120)
    said = [line["message"] for line in run.logs()]
    assert run.state == example.state, (run.error, said)
    assert [line for line in example.logs if not any(line in one for one in said)] == []
    for task, wanted in example.outputs.items():
        assert _held(wanted, _outputs(run, task)), (task, _outputs(run, task))


def _outputs(run: Any, task: str) -> Any:
    """A task's outputs; inside an iteration by value."""
    runs = [one for one in run.task_runs if one.task_id == task]
    if len(runs) == 1 and runs[0].value is None:
        return json.loads(json.dumps(dict(runs[0].outputs or {}), default=str))
    return {one.value: dict(one.outputs or {}) for one in runs}


def _held(wanted: Any, found: Any) -> bool:
    """Whether a value holds what is wanted; maps may hold more."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            name in found and _held(value, found[name]) for name, value in wanted.items()
        )
    return bool(wanted == found)

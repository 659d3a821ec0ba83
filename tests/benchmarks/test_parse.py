"""Parse and validate 1,000 Log tasks with 100 distinct templates, beside libyaml alone.

Budget: 100 ms where libyaml takes 67, half as much again. Every round has templates nobody has
seen before, so each of its hundred is parsed once a round.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import yaml

from flowbook.flows.parse import examine

ROUNDS = itertools.count()
INPUTS = "".join(f"  - {{id: n{number}, type: STRING, defaults: x}}\n" for number in range(100))


def flow() -> str:
    """A flow of 1,000 tasks with a hundred templates of its own."""
    fresh = next(ROUNDS)
    tasks = (
        f"  - id: task-{number}\n    type: io.kestra.plugin.core.log.Log\n"
        f"    message: \"Hello {{{{ inputs.n{number % 100} ~ '{fresh}' }}}}\"\n"
        for number in range(1000)
    )
    return f"id: big\nnamespace: demo\ninputs:\n{INPUTS}tasks:\n{''.join(tasks)}"


@pytest.mark.benchmark(group="parse 1,000 tasks")
def test_floor_libyaml(benchmark: Any) -> None:
    benchmark.pedantic(yaml.load, (flow(), yaml.CSafeLoader), rounds=15, warmup_rounds=1)


@pytest.mark.benchmark(group="parse 1,000 tasks")
def test_parse_and_validate(benchmark: Any) -> None:
    read, problems = benchmark.pedantic(
        examine, setup=lambda: ((flow(),), {}), rounds=15, warmup_rounds=1
    )
    assert read is not None
    assert len(read.tasks) == 1000
    assert problems == ()

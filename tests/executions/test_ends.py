"""Where executions end: any flow ends, from every state a kill ends it, a restart leads where a run without
faults leads, and going through the events again gives the same."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from flowbook.executions import events as e
from flowbook.executions import restarts
from flowbook.executions.model import Execution, Section
from flowbook.executions.step import replay
from flowbook.flows.model import Flow
from flowbook.kinds.state import State

from .played import Outcome, Played
from .test_laws import FLOW, FLOWS, leaves, numbered

ALL = list(HealthCheck)
RESTARTS = 4
"""So many times something may fail before everything goes well."""


def flow_of(tasks: Any, **more: Any) -> Flow:
    tree = {"tasks": tasks, **more}
    note(str(tree))
    return Flow.model_validate({"id": "law", "namespace": "tests", **numbered(tree, [0])})


def chance(seed: int, share: float) -> Outcome:
    """Attempts that succeed so often, the same for the same seed."""
    luck = random.Random(seed)
    return lambda _: luck.random() < share


def some(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(inner, min_size=1, max_size=3)


def mendable(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Flowables that fail when something in them fails: a restart can mend them."""
    leaf = st.just({"type": "Probe"})
    ends = {"errors": st.lists(leaf, max_size=1), "finally": st.lists(leaf, max_size=1)}

    def of(name: str, **properties: Any) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({"type": st.just(FLOW + name), **properties}, optional=ends)

    values = st.lists(st.integers(0, 3), max_size=3, unique=True)
    return st.one_of(
        of("Sequential", tasks=some(inner)),
        of("Parallel", tasks=some(inner), concurrent=st.integers(0, 2)),
        of("ForEach", tasks=some(inner), values=values, concurrencyLimit=st.integers(0, 2)),
        of("EachParallel", tasks=some(inner), value=values),
        of("If", condition=st.just("{{ yes }}"), then=some(inner)),
        of("Loop", tasks=some(inner), values=values, concurrencyLimit=st.integers(0, 2)),
        of("WorkingDirectory", tasks=st.lists(leaf, min_size=1, max_size=2)),
    )


MENDABLE = some(st.recursive(st.just({"type": "Probe"}), mendable, max_leaves=8))
LASTS = st.lists(st.just({"type": "Probe"}), max_size=1)


def done(execution: Execution) -> Counter[tuple[str, str | None, State | None]]:
    """What was done, wherever it stood; `errors` don't count, nor whether `finally` went well."""
    return Counter(
        (run.task_id, run.value, run.state if run.section is Section.TASKS else None)
        for run in execution.task_runs.values()
        if run.section in (Section.TASKS, Section.FINALLY)
    )


def any_flow_ends(tasks: Any, errors: Any, lasts: Any, after: Any, seed: int, share: float) -> None:
    flow = flow_of(tasks, errors=errors, **{"finally": lasts, "afterExecution": after})
    played = Played(flow)
    execution = played.to_its_end(chance(seed, share))
    assert execution.state.is_terminal
    assert replay(flow, "X", [e.from_json(e.to_json(one)) for one in played.events]) == execution


def kill_ends_it_anywhere(tasks: Any, seed: int, when: int) -> None:
    flow = flow_of(tasks)
    luck, played = chance(seed, 0.7), Played(flow)
    while len(played.events) < when and played.waiting:
        played.step(luck)
    over = played.execution.state.is_terminal
    before = played.execution.state
    played.happens(e.KillRequested(at=played.now))
    execution = played.to_its_end(lambda _: True)
    assert execution.state is (before if over else State.KILLED)


def restart_leads_where_no_fault_leads(tasks: Any, lasts: Any, seed: int) -> None:
    flow = flow_of(tasks, **{"finally": lasts})
    faultless = Played(flow).to_its_end(lambda _: True)
    assert faultless.state is State.SUCCESS
    played = Played(flow)
    execution = played.to_its_end(chance(seed, 0.6))
    for number in range(RESTARTS):
        if execution.state is State.SUCCESS:
            break
        assert execution.state is State.FAILED
        restarts.check_restart(execution)
        played.happens(e.RestartRequested(at=played.now))
        last = number == RESTARTS - 1
        execution = played.to_its_end((lambda _: True) if last else chance(seed + number, 0.8))
    assert execution.state is State.SUCCESS
    assert done(execution) == done(faultless)
    assert execution.id == faultless.id


EXAMPLES = [pytest.param(60, id="60"), pytest.param(1000, id="1000", marks=pytest.mark.slow)]
SEEDS = st.integers(0, 1000)


@pytest.mark.parametrize("count", EXAMPLES)
def test_any_flow_ends(count: int) -> None:
    some_leaves = st.lists(leaves(), max_size=1)
    shares = st.sampled_from([0.0, 0.5, 0.9, 1.0])
    law = given(FLOWS, some_leaves, some_leaves, some_leaves, SEEDS, shares)(any_flow_ends)
    settings(max_examples=count, deadline=None, suppress_health_check=ALL)(law)()


@pytest.mark.parametrize("count", EXAMPLES)
def test_a_kill_ends_it_from_every_state(count: int) -> None:
    law = given(FLOWS, SEEDS, st.integers(1, 60))(kill_ends_it_anywhere)
    settings(max_examples=count, deadline=None, suppress_health_check=ALL)(law)()


@pytest.mark.parametrize("count", EXAMPLES)
def test_a_restart_leads_where_a_run_without_faults_leads(count: int) -> None:
    law = given(MENDABLE, LASTS, SEEDS)(restart_leads_where_no_fault_leads)
    settings(max_examples=count, deadline=None, suppress_health_check=ALL)(law)()

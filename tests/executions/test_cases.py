"""Runs `tests/cases/*.yaml`: a flow, what happens to it, what we expect. No Python is needed to add one.

flow:     the flow, or `flows:` several, the last of which is run (the others are deployed; with
          `deployed: true` that one too: executions of drafts start no others)
probes:   task id → outcomes of its attempts (`succeed`, `fail`, `warn`, `5s fail`); else they succeed
inputs:   values for the run; `labels:` its labels; `refused:` what the refusal says instead of a run
then:     what people do, in order: {at: PT5S, kill: true}, {at: PT1S, pause: true},
          {resume: {…}}, {restart: true}, {restart: {revision: 2}}, {replay: task}, {replay: {inputs: {…}}},
          {mark: {task: STATE}}, {status: STATE}, {run: true} (once more), {force: true},
          {unqueue: true}, {delete: true}, {labels: {…}} – without `at` when it is over
          (or PAUSED); with `refused: text` when it shall be refused; `first: true` means the first run;
          {deploy: {…}} deploys a flow, {probes: {…}} adds outcomes
expect:   state, states (of the execution), took, task_runs (`id=value STATE`, in order), count, timeline
          (`10s id#2 FAILED`), outputs (task → contained map), flow_outputs, logs (contained), no_logs,
          error (contained), attempts (task → number), histories (task → states), labels (contained),
          any column of the execution's row
others:   what we expect of all executions of the other flows, in order of creation
runs:     what we expect of all executions of the flow, in order of creation; `at` and `ends` in seconds

All cases share one workspace, since opening one takes a second, but each has a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import probe_part
from flowbook.clock import VirtualClock
from flowbook.engine.bulk import carry_out
from flowbook.engine.timers import Timers
from flowbook.engine.workspace import Workspace
from flowbook.errors import FlowbookError
from flowbook.kinds.durations import iso, parse_duration
from flowbook.kinds.state import State

CASES = sorted((Path(__file__).parent.parent / "cases").glob("*.yaml"))
PATIENCE = 30


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Workspace]]:
    """A workspace and the loop it lives on."""
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path_factory.mktemp("person")))
        folder = tmp_path_factory.mktemp("cases")
        workspace = runner.run(Workspace.open(folder, clock=VirtualClock(), embedded=True))
        yield runner, workspace
        runner.run(workspace.close())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, stage: tuple[asyncio.Runner, Workspace]) -> None:
    case = yaml.safe_load(path.read_text())
    script(case)
    runner, workspace = stage
    runner.run(asyncio.wait_for(play(case, workspace), PATIENCE))


def test_no_two_cases_share_a_flow() -> None:
    names = [
        f"{flow['namespace']}.{flow['id']}"
        for path in CASES
        for flow in flows_of(yaml.safe_load(path.read_text()))
    ]
    assert [name for name in names if names.count(name) > 1] == []


def flows_of(case: dict[str, Any]) -> list[dict[str, Any]]:
    return case.get("flows") or [case["flow"]]


def script(case: dict[str, Any]) -> None:
    for task, outcomes in case.get("probes", {}).items():
        probe_part.SCRIPT[task] += list(outcomes)


async def play(case: dict[str, Any], workspace: Workspace) -> None:
    clock = VirtualClock()
    workspace.clock, workspace.timers = clock, Timers(clock)
    try:
        await scene(case, workspace, clock)
    finally:
        await workspace.timers.close()
        for driver in list(workspace.drivers.values()):
            await driver.stop()


async def scene(case: dict[str, Any], workspace: Workspace, clock: VirtualClock) -> None:
    *others, flow = flows_of(case)
    for other in others:
        await workspace.deploy(other)
    if case.get("deployed"):
        await workspace.deploy(flow)
    if "refused" in case:
        with pytest.raises(FlowbookError) as refusal:
            await workspace.run(flow, case.get("inputs"), case.get("labels"))
        assert case["refused"] in str(refusal.value)
        return
    current = first = await workspace.run(flow, case.get("inputs"), case.get("labels"))
    begun = clock.now()
    for action in case.get("then", []):
        wanted = dict(action)
        on = first if wanted.pop("first", False) else current
        if "at" in wanted:
            await clock.until(begun + parse_duration(wanted.pop("at")))
        else:
            await settled(workspace, on)
        refused = wanted.pop("refused", None)
        ((what, how),) = wanted.items()
        with clock.working():
            if refused is not None:
                with pytest.raises(FlowbookError) as refusal:
                    await act(workspace, on, what, how, case)
                assert refused in str(refusal.value)
            else:
                current = await act(workspace, on, what, how, case) or current
    expected = case.get("expect", {})
    if not State(expected.get("state", "SUCCESS")).is_terminal:
        await settled(workspace, current)
    else:
        await workspace.wait(current)
    await check(workspace, current, expected, begun)
    for key, chosen in (("runs", [flow]), ("others", others)):
        if key in case:
            found = await executions(workspace, chosen)
            while len(found) < len(case[key]):  # within the case's patience
                await asyncio.sleep(0.02)
                found = await executions(workspace, chosen)
            assert len(found) == len(case[key]), [row["state"] for row in found]
            for row, wanted in zip(found, case[key], strict=True):
                if State(wanted.get("state", "SUCCESS")).is_terminal:
                    await workspace.wait(row["id"])
                await check(workspace, row["id"], wanted, begun)


async def executions(workspace: Workspace, flows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All executions of these flows, in order of creation."""
    found = [
        row
        for flow in flows
        for row in await workspace.history.executions(
            namespace=flow["namespace"], flow_id=flow["id"]
        )
    ]
    return sorted(
        found, key=lambda row: (row["created_at"], row["attempt_number"], row["parent_id"] or "")
    )


async def act(
    workspace: Workspace, execution_id: str, what: str, how: Any, case: dict[str, Any]
) -> str | None:
    """Do one thing; the id of the new execution if there is one."""
    match what:
        case "kill":
            await workspace.kill(execution_id)
        case "pause":
            await workspace.pause(execution_id)
        case "resume":
            await workspace.resume(execution_id, how if isinstance(how, dict) else None)
        case "restart":
            options = how if isinstance(how, dict) else {}
            return await workspace.restart(execution_id, **options)
        case "replay":
            options = how if isinstance(how, dict) else {}
            task = how if isinstance(how, str) else None
            return await workspace.replay(execution_id, task_run=task, **options)
        case "mark":
            ((task, state),) = how.items()
            await workspace.change_status(execution_id, task, state)
        case "status":
            await workspace.change_status(execution_id, None, how)
        case "labels":
            await workspace.set_labels(execution_id, how)
        case "force":
            await workspace.control.force_run(execution_id)
        case "unqueue":
            await workspace.control.unqueue(execution_id)
        case "delete":
            await carry_out(workspace, "delete", [execution_id])
        case "run":
            return await workspace.run(flows_of(case)[-1], how if isinstance(how, dict) else None)
        case "deploy":
            await workspace.deploy(how)
        case "probes":
            script({"probes": how})
        case _:
            raise AssertionError(f"unknown action {what}")
    return None


async def settled(workspace: Workspace, execution_id: str) -> None:
    """Until the execution is over or waits for somebody."""
    async for _ in workspace.history.changes(execution_id):
        driver = workspace.drivers.get(execution_id)
        if driver is None or driver.execution.is_over:
            return
        if driver.execution.state in (State.PAUSED, State.QUEUED):
            return


async def check(
    workspace: Workspace, execution_id: str, expect: dict[str, Any], begun: datetime
) -> None:
    (row,) = await workspace.store.query("execution_row", id=execution_id)
    runs = await workspace.store.query("task_runs_of", execution_id=execution_id)
    outputs = {
        r["task_id"]: r["outputs"]
        for r in await workspace.store.query("outputs_of", execution_id=execution_id)
    }
    ended = row["ended_at"]
    seen: dict[str, Any] = {
        **row,
        "states": [step["state"] for step in row["histories"]],
        "at": (row["created_at"] - begun).total_seconds(),
        "ends": None if ended is None else (ended - begun).total_seconds(),
        "took": iso(ended - row["created_at"]) if ended else None,
        "count": len(runs),
        "task_runs": [f"{named(run)} {run['state']}" for run in runs],
        "attempts": {run["task_id"]: run["attempts"] for run in runs},
        "histories": {run["task_id"]: [step["state"] for step in run["histories"]] for run in runs},
        "flow_outputs": row["outputs"],
        "error": (row["error"] or {}).get("message", ""),
        "labels": {label["key"]: label["value"] for label in row["labels"]},
        "trigger": (row["trigger"] or {}).get("variables", {}),
    }
    if "timeline" in expect:
        seen["timeline"] = await timeline(workspace, execution_id, row, runs)
    for key, wanted in expect.items():
        match key:
            case "logs" | "no_logs":
                lines = [line["message"] for line in await workspace.logs(execution_id)]
                wrong = [line for line in wanted if (line in lines) is (key == "no_logs")]
                assert not wrong, f"{key} {wrong}: {lines}"
            case "outputs":
                for task, values in wanted.items():
                    got = outputs.get(task)
                    if values is None:
                        assert got is None
                        continue
                    assert got is not None, f"{task} has no outputs: {outputs}"
                    assert {k: got.get(k) for k in values} == values, f"{task}: {got}"
            case "error":
                assert wanted in seen["error"], seen["error"]
            case "attempts" | "histories" | "labels" | "trigger":
                found = {name: seen[key].get(name) for name in wanted}
                assert found == wanted, f"{key}: {seen[key]}"
            case _:
                assert seen[key] == wanted, f"{key}: {seen[key]}, error: {seen['error']}"


def named(run: dict[str, Any]) -> str:
    return run["task_id"] + (f"={run['value']}" if run["value"] is not None else "")


async def timeline(
    workspace: Workspace, execution_id: str, row: dict[str, Any], runs: list[dict[str, Any]]
) -> list[str]:
    by_id = {run["id"]: run for run in runs}
    ended = []
    for attempt in await workspace.store.query("attempts_of", execution_id=execution_id):
        if attempt["ended_at"] is None:
            continue
        second = (attempt["ended_at"] - row["created_at"]).total_seconds()
        run = by_id[attempt["task_run_id"]]
        line = f"{second:g}s {named(run)}#{attempt['number']} {attempt['state']}"
        ended.append((second, run["position"], attempt["number"], line))
    return [line for *_, line in sorted(ended)]

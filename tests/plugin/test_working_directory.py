"""Tasks that share a working directory: what is in it, how long it lasts, what a restart does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flowbook as fb
from flowbook.errors import FlowInvalid

SHELL = "io.kestra.plugin.scripts.shell.Commands"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with fb.open(tmp_path_factory.mktemp("shared"), embedded=True) as workspace:
        yield workspace


def flow(name: str, *commands: str, **properties: Any) -> dict[str, Any]:
    tasks = [
        {"id": f"t{number}", "type": SHELL, "commands": [command]}
        for number, command in enumerate(commands)
    ]
    place = {"id": "place", "type": "io.kestra.plugin.core.flow.WorkingDirectory", "tasks": tasks}
    return {"id": name, "namespace": "tests", "tasks": [{**place, **properties}]}


def lines(run: Any) -> list[str]:
    return [line["message"] for line in run.logs()]


def test_the_directory_is_gone_with_its_task(workspace: Any) -> None:
    run = workspace.run(flow("gone", "pwd; touch x", "ls"))
    folders = [line for line in lines(run) if "directories" in line]
    assert run.state == "SUCCESS"
    assert "x" in lines(run)
    (folder,) = folders
    assert not Path(folder).exists()


def test_a_failure_stops_the_rest_and_a_restart_begins_anew(workspace: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    run = workspace.run(
        flow("anew", "echo first; ls; touch left", f"[ -f {mark} ]", "ls", outputFiles=["left"])
    )
    assert run.state == "FAILED"
    assert [one.task_id for one in run.task_runs] == ["place", "t0", "t1"]
    assert list(run["place"].outputs["outputFiles"]) == ["left"]
    before = {one.id for one in run.task_runs if one.task_id != "place"}
    mark.touch()
    run = workspace.restart(run.id)
    run.wait(60)
    assert run.state == "SUCCESS"
    assert [(one.task_id, len(one.attempts)) for one in run.task_runs] == [
        ("place", 0),
        ("t0", 1),
        ("t1", 1),
        ("t2", 1),
    ]
    assert not before & {one.id for one in run.task_runs}
    assert lines(run).count("first") == 2
    assert lines(run).count("left") == 1


def test_cached_files_come_back_until_their_time_is_over(workspace: Any) -> None:
    wanted = flow(
        "kept",
        "mkdir -p p; [ -f p/a ] && echo hit || { echo miss; echo 1 > p/a; }",
        cache={"patterns": ["p/**"], "ttl": "PT1H"},
    )
    assert "miss" in lines(workspace.run(wanted))
    assert "hit" in lines(workspace.run(wanted))
    wanted["tasks"][0]["cache"]["ttl"] = "PT0S"
    assert "miss" in lines(workspace.run(wanted))


def test_files_of_the_namespace_and_of_the_flow_are_there(workspace: Any) -> None:
    given = {"a.txt": "{{ flow.id }}", "deep/b.txt": "two"}
    run = workspace.run(flow("given", "cat a.txt; cat deep/b.txt", inputFiles=given))
    assert {"given", "two"} <= set(lines(run)) or "giventwo" in lines(run)


def test_an_iteration_hands_its_value_on(workspace: Any) -> None:
    inner = flow("unused", 'echo "::{\\"outputs\\": {\\"v\\": \\"{{ taskrun.value }}\\"}}::"')[
        "tasks"
    ]
    each = {"id": "each", "type": "io.kestra.plugin.core.flow.ForEach", "values": ["a", "b"]}
    show = {
        "id": "show",
        "type": "io.kestra.plugin.core.debug.Return",
        "format": "{{ outputs.t0.a.vars.v }}{{ outputs.t0.b.vars.v }}",
    }
    tasks = [{**each, "tasks": inner}, show]
    run = workspace.run({"id": "values", "namespace": "tests", "tasks": tasks})
    assert run.state == "SUCCESS", run.error
    assert run["show"].outputs["value"] == "ab"


def test_flowables_are_refused_inside(workspace: Any) -> None:
    wanted = flow("refused", "ls")
    wanted["tasks"][0]["tasks"] = [
        {"id": "p", "type": "io.kestra.plugin.core.flow.Parallel", "tasks": []}
    ]
    with pytest.raises(FlowInvalid, match="Only runnable tasks are allowed"):
        workspace.run(wanted)


def test_a_kill_removes_the_directory(workspace: Any) -> None:
    run = workspace.run(flow("killed", "pwd; touch x; echo here; sleep 60"), wait=False)
    for _ in workspace.follow():
        if "here" in lines(run):
            break
    run.kill()
    run.wait(30)
    (folder,) = [line for line in lines(run) if "directories" in line]
    assert run.state == "KILLED"
    assert not Path(folder).exists()

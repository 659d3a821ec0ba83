"""Results of earlier runs that are served: `taskCache` and `core.cache.Cached`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flowbook as fb

RETURN = "io.kestra.plugin.core.debug.Return"
WRITE = "io.kestra.plugin.core.storage.Write"
CACHED = "io.kestra.plugin.core.cache.Cached"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def workspace(folder: Path) -> Iterator[Any]:
    with fb.open(folder, embedded=True) as workspace:
        yield workspace


def flow(name: str, *tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": name, "namespace": "tests", "tasks": list(tasks), **more}


def one(name: str, task_cache: Any, text: str = "{{ inputs.day }}", **more: Any) -> dict[str, Any]:
    task = {"id": "work", "type": RETURN, "format": text, **task_cache, **more}
    return flow(name, task, inputs=[{"id": "day", "type": "STRING", "defaults": "mon"}])


def lines(run: Any) -> list[str]:
    return [line["message"] for line in run.logs()]


def why(workspace: Any, run: Any, task: str = "work") -> dict[str, Any]:
    """What the attempt keeps about the cache."""
    found = workspace.sql(
        f"select rendered from attempts where task_run_id = '{run[task].id}' order by number"
    ).fetchall()
    return json.loads(found[-1][0])["cache"]


def test_the_same_properties_are_served(workspace: Any) -> None:
    wanted = one("same", {"taskCache": {"enabled": True}}, "{{ inputs.day }}-{{ 1 + 1 }}")
    first, second = workspace.run(wanted), workspace.run(wanted)
    assert "cache hit" not in lines(first)
    assert "cache hit" in lines(second)
    assert second["work"].outputs == {"value": "mon-2"}
    assert why(workspace, first) == {"served": False, "reason": "there is no earlier result"}
    assert why(workspace, second)["from"] == first.id


def test_what_changed_is_said(workspace: Any) -> None:
    wanted = one("other", {"taskCache": {"enabled": True}})
    first = workspace.run(wanted)
    other = workspace.run(wanted, inputs={"day": "tue"})
    assert other["work"].outputs == {"value": "tue"}
    assert why(workspace, other) == {
        "served": False,
        "reason": "changed since then: format",
        "changed": ["format"],
        "last": first.id,
    }
    assert "cache hit" in lines(workspace.run(wanted))


def test_what_a_file_holds_counts_not_where_it_lies(workspace: Any, folder: Path) -> None:
    read = {"id": "work", "type": WRITE, "content": "{{ read(inputs.file) }}"}
    copy = {
        "id": "copied",
        "type": "io.kestra.plugin.core.storage.Concat",
        "files": ["{{ inputs.file }}"],
        "taskCache": {"enabled": True},
    }
    wanted = flow("files", read, copy, inputs=[{"id": "file", "type": "FILE"}])
    given = folder / "given.txt"
    seen = []
    for text in ("one", "one", "two"):
        given.write_text(text)
        run = workspace.run(wanted, {"file": given})
        assert run.state == "SUCCESS", run.error
        seen.append(why(workspace, run, "copied"))
    assert [one["served"] for one in seen] == [False, True, False]
    assert seen[2]["changed"] == ["files"]


def test_a_result_expires(workspace: Any) -> None:
    wanted = one("short", {"taskCache": {"enabled": True, "ttl": "PT0S"}})
    workspace.run(wanted)
    again = workspace.run(wanted)
    assert "cache hit" not in lines(again)
    assert why(workspace, again)["reason"] == "the earlier result has expired"


def test_only_the_named_properties_count_in_the_older_form(workspace: Any) -> None:
    cache = {"cache": {"enabled": True, "inputs": ["other"]}}
    first = workspace.run(one("named", cache, "{{ uuid() }}"))
    second = workspace.run(one("named", cache, "{{ uuid() }}"))
    assert first["work"].outputs == second["work"].outputs


def test_a_failure_keeps_nothing(workspace: Any) -> None:
    task = {"id": "work", "type": "io.kestra.plugin.core.execution.Fail"}
    wanted = flow("failing", {**task, "taskCache": {"enabled": True}})
    workspace.run(wanted)
    assert why(workspace, workspace.run(wanted))["reason"] == "there is no earlier result"


def test_switched_off_it_runs(workspace: Any) -> None:
    wanted = one("off", {"taskCache": {"enabled": False}}, "{{ uuid() }}")
    first, second = workspace.run(wanted), workspace.run(wanted)
    assert first["work"].outputs != second["work"].outputs


def test_files_are_handed_on_and_a_missing_one_is_a_miss(workspace: Any, folder: Path) -> None:
    task = {"id": "work", "type": WRITE, "content": "hello", "taskCache": {"enabled": True}}
    read = {"id": "read", "type": RETURN, "format": "{{ read(outputs.work.uri) }}"}
    wanted = flow("files", task, read)
    first, second = workspace.run(wanted), workspace.run(wanted)
    assert "cache hit" in lines(second)
    assert second["read"].outputs == {"value": "hello"}
    assert second.id in second["work"].outputs["uri"]
    (stored,) = [
        path for path in folder.rglob("*") if path.is_file() and first["work"].id in str(path)
    ]
    stored.unlink()
    third = workspace.run(wanted)
    assert why(workspace, third)["reason"] == "a file of the earlier result is gone"
    assert third.state == "SUCCESS"


def memo(name: str, *tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return flow(name, {"id": "memo", "type": CACHED, "key": name, "tasks": list(tasks), **more})


def test_cached_serves_all_that_is_inside(workspace: Any) -> None:
    each = {"id": "each", "type": "io.kestra.plugin.core.flow.ForEach", "values": ["a", "b"]}
    leaf = {"id": "leaf", "type": RETURN, "format": "{{ uuid() }}"}
    wanted = memo(
        "deep", {"id": "heavy", "type": RETURN, "format": "{{ uuid() }}"}, {**each, "tasks": [leaf]}
    )
    first, second = workspace.run(wanted), workspace.run(wanted)
    assert (first["memo"].outputs["hit"], second["memo"].outputs["hit"]) == (False, True)
    assert first["heavy"].outputs == second["heavy"].outputs
    assert [first["leaf", v].outputs for v in "ab"] == [second["leaf", v].outputs for v in "ab"]
    assert lines(second).count("from cache") == 3
    assert [len(run.attempts) for run in second.task_runs] == [0, 0, 0, 0, 0]


def test_cached_keeps_nothing_after_a_failure(workspace: Any) -> None:
    fails = {"id": "fails", "type": "io.kestra.plugin.core.execution.Fail"}
    wanted = memo("failed", {"id": "heavy", "type": RETURN, "format": "x"}, fails)
    assert workspace.run(wanted).state == "FAILED"
    assert workspace.run(wanted)["memo"].outputs["hit"] is False


def test_cached_is_over_with_its_time(workspace: Any) -> None:
    wanted = memo("over", {"id": "heavy", "type": RETURN, "format": "x"}, ttl="PT0S")
    workspace.run(wanted)
    assert workspace.run(wanted)["memo"].outputs["hit"] is False

"""The routes, asked of a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from .conftest import LONG, QUICK, until

Fetch = Callable[..., Any]


async def test_a_server_makes_nothing_before_the_first_write(fetch: Fetch, root: Path) -> None:
    flows = await fetch("api/v1/flows/search")
    runs = await fetch("api/v1/executions/search")

    assert flows == {"results": [], "total": 0}
    assert runs == {"results": [], "total": 0}
    assert not (root / ".flowbook").exists()


async def test_kernels_of_the_server_are_told_the_workspace(jp_serverapp: Any, root: Path) -> None:
    import os

    assert os.environ["FLOWBOOK_HOME"] == str(root.resolve())


async def test_a_stored_notebook_is_read_and_nothing_else(
    fetch: Fetch, workspace: Any, tmp_path: Path
) -> None:
    await workspace.deploy(QUICK)
    storage = workspace.host.workspace.storage
    (storage.root / "demo" / "é x").mkdir(parents=True)
    (storage.root / "demo" / "é x" / "copy.ipynb").write_text('{"nbformat": 4, "cells": []}')
    (storage.root / "demo" / "é x" / "secret.txt").write_text("no")
    (storage.root.parent / "near.ipynb").write_text("{}")

    found = await fetch("api/x/files/demo/é x/copy.ipynb")
    assert (found["name"], found["content"]) == ("copy.ipynb", {"nbformat": 4, "cells": []})
    assert "content" not in await fetch("api/x/files/demo/é x/copy.ipynb", params={"content": "0"})
    for path, status in (
        ("demo/é x/secret.txt", 404),
        ("demo/none.ipynb", 404),
        ("../near.ipynb", 400),
        ("demo/../../near.ipynb", 400),
    ):
        with pytest.raises(HTTPClientError) as refused:
            await fetch(f"api/x/files/{path}")
        assert refused.value.code == status, path


async def test_an_execution_is_created_listed_and_read(fetch: Fetch, workspace: Any) -> None:
    await workspace.deploy(QUICK)

    made = await fetch(
        "api/v1/main/executions/demo/quick",
        method="POST",
        body=json.dumps({"name": "Grace"}),
        headers={"Content-Type": "application/json"},
        params={"wait": "true", "labels": "team:data"},
    )
    read = await fetch(f"api/v1/executions/{made['id']}")
    listed = await fetch(
        "api/v1/executions/search", params={"labels": "team:data", "state": "SUCCESS"}
    )
    others = await fetch("api/v1/executions/search", params={"labels": "team:other"})

    assert made["state"]["current"] == "SUCCESS"
    assert made["url"].endswith(made["id"])
    assert read["taskRunList"][0]["outputs"] == {"value": "Hello Grace"}
    assert [step["state"] for step in read["state"]["histories"]] == [
        "CREATED",
        "RUNNING",
        "SUCCESS",
    ]
    assert [one["id"] for one in listed["results"]] == [made["id"]]
    assert others["total"] == 0


async def test_a_form_gives_inputs_too(fetch: Fetch, workspace: Any) -> None:
    await workspace.deploy(QUICK)

    made = await fetch("api/v1/executions/trigger/demo/quick", method="POST", body="name=Linus")

    assert made["inputs"] == {"name": "Linus"}


async def test_flows_are_searched(fetch: Fetch, workspace: Any) -> None:
    await workspace.deploy(QUICK)
    await workspace.deploy(LONG)

    both = await fetch("api/v1/main/flows/search", params={"namespace": "demo", "size": "1"})
    one = await fetch("api/v1/flows/search", params={"q": "LON"})
    source = await fetch("api/v1/flows/demo/quick", params={"source": "true"})

    assert (both["total"], len(both["results"])) == (2, 1)
    assert [flow["id"] for flow in one["results"]] == ["long"]
    assert source["source"] == QUICK
    assert source["revision"] == 1


@pytest.mark.parametrize("verb", ["kill", "actions/kill"])
async def test_kill_ends_a_run_and_refuses_a_second_time(
    fetch: Fetch, workspace: Any, verb: str
) -> None:
    await workspace.deploy(LONG)
    run_id = await workspace.run("demo.long")

    await fetch(f"api/v1/main/executions/{run_id}/{verb}", method="DELETE")
    await workspace.end(run_id)
    with pytest.raises(HTTPClientError) as refused:
        await fetch(f"api/v1/main/executions/{run_id}/{verb}", method="DELETE")

    assert (await fetch(f"api/v1/executions/{run_id}"))["state"]["current"] == "KILLED"
    assert refused.value.code == 409
    assert "already finished" in json.loads(refused.value.response.body)["message"]


@pytest.mark.parametrize(
    ("path", "options", "status", "said"),
    [
        pytest.param("executions/nobody", {}, 404, "no execution", id="unknown-execution"),
        pytest.param(
            "executions/demo/none",
            {"method": "POST", "body": ""},
            404,
            "Unable to find flow",
            id="unknown-flow",
        ),
        pytest.param(
            "executions/search",
            {"params": {"state": "GREEN"}},
            422,
            "no state GREEN",
            id="unknown-state",
        ),
        pytest.param("flows/search", {"params": {"page": "0"}}, 422, "page starts at 1", id="page"),
    ],
)
async def test_wrong_requests_are_told_why(
    fetch: Fetch, workspace: Any, path: str, options: dict[str, Any], status: int, said: str
) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await fetch(f"api/v1/{path}", **options)

    assert refused.value.code == status
    assert said in json.loads(refused.value.response.body)["message"]


async def test_refused_inputs_are_listed(fetch: Fetch, workspace: Any) -> None:
    await workspace.deploy(QUICK.replace("type: STRING, defaults: Ada", "type: INT"))

    with pytest.raises(HTTPClientError) as refused:
        await fetch("api/v1/executions/demo/quick", method="POST", body="name=many")

    body = json.loads(refused.value.response.body)
    assert refused.value.code == 422
    assert "name" in body["_embedded"]["errors"][0]["message"]


async def test_a_view_is_what_a_display_shows(fetch: Fetch, workspace: Any) -> None:
    await workspace.deploy(QUICK)
    run_id = await workspace.run("demo.quick")
    await workspace.end(run_id)

    view = await fetch(f"api/x/executions/{run_id}/view")

    assert view["state"] == "success"
    assert view["graph"]["children"][0]["id"] == "greet"


async def test_cron_dates_are_told_ahead(fetch: Fetch) -> None:
    good = await fetch(
        "api/x/cron",
        method="POST",
        body=json.dumps({"cron": "0 7 * * 1-5", "timezone": "Europe/Paris", "count": 3}),
    )
    bad = await fetch("api/x/cron", method="POST", body=json.dumps({"cron": "5 25 * * *"}))

    assert len(good["dates"]) == 3
    assert all("T07:00:00+0" in date for date in good["dates"])
    assert "invalid cron expression" in bad["problem"]


async def test_an_untrusted_folder_asks_once_and_deploys_on_yes(
    fetch: Fetch, root: Path, write_flow: Callable[[str, str], Path]
) -> None:
    write_flow(
        "quick.yaml",
        QUICK + "triggers:\n  - {id: often, type: core.trigger.Schedule, cron: '* * * * *'}\n",
    )

    question = await fetch("api/x/trust")
    listed = await fetch("api/v1/flows/search")
    before = (root / ".flowbook").exists()
    answer = await fetch("api/x/trust", method="POST", body='{"trusted": true}')
    deployed = await fetch("api/v1/flows/demo/quick")

    assert (question["trusted"], question["flows"], question["schedules"]) == (False, 1, 1)
    assert [flow["deployed"] for flow in listed["results"]] == [False]
    assert not before
    assert answer["trusted"]
    assert deployed["revision"] == 1


async def test_a_changed_file_is_deployed_and_a_deleted_one_disabled(
    fetch: Fetch, workspace: Any, write_flow: Callable[[str, str], Path]
) -> None:
    path = write_flow("quick.yaml", QUICK)

    async def revision(number: int) -> bool:
        found = (await fetch("api/v1/flows/search"))["results"]
        return bool(found) and found[0]["revision"] == number

    await until(lambda: revision(1))
    path.write_text(QUICK.replace("Hello", "Good day"))
    await until(lambda: revision(2))
    path.unlink()

    async def disabled() -> bool:
        return bool((await fetch("api/v1/flows/search"))["results"][0]["disabled"])

    await until(disabled)

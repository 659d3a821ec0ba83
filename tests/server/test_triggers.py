"""Triggers and backfills over REST, as both generations of the reference's clients ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from .conftest import until

Fetch = Callable[..., Any]
FLOW = """
id: daily
namespace: demo
inputs: [{id: n, type: INT, defaults: 1}]
tasks: [{id: gate, type: core.flow.Pause}]
triggers:
  - {id: noon, type: core.trigger.Schedule, cron: "0 12 * * *", timezone: UTC, stopAfter: [FAILED]}
"""
NAMED = {"namespace": "demo", "flowId": "daily", "triggerId": "noon"}
SPAN = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-03T23:00:00Z"}


async def send(fetch: Fetch, method: str, path: str, body: Any = None, **params: str) -> Any:
    return await fetch(
        f"api/v1/main/triggers{path}",
        method=method,
        body=json.dumps(body) if body is not None or method != "DELETE" else None,
        params=params,
        allow_nonstandard_methods=True,
    )


async def refused(fetch: Fetch, *asked: Any, **params: str) -> tuple[int, str]:
    with pytest.raises(HTTPClientError) as error:
        await send(fetch, *asked, **params)
    assert error.value.response is not None
    return error.value.code, json.loads(error.value.response.body)["message"]


async def paused(fetch: Fetch, count: int) -> None:
    async def there() -> bool:
        found = await fetch("api/v1/executions/search", params={"state": "PAUSED"})
        return int(found["total"]) == count

    await until(there)


async def test_a_backfill_is_begun_looked_at_paused_and_deleted(
    fetch: Fetch, jp_fetch: Fetch, workspace: Any
) -> None:
    await workspace.deploy(FLOW)
    labels = [{"key": "why", "value": "fix"}]
    begun = await send(
        fetch, "PUT", "", {**NAMED, "backfill": {**SPAN, "inputs": {"n": 3}, "labels": labels}}
    )
    backfill = begun["backfill"]
    assert (backfill["start"], backfill["paused"]) == ("2026-01-01T00:00:00+00:00", False)
    assert (backfill["inputs"], backfill["labels"], backfill["total"]) == ({"n": 3}, labels, 3)

    await paused(fetch, 1)
    [row] = (await fetch("api/v1/triggers/search", params={"namespace": "demo"}))["results"]
    assert row["trigger"]["cron"] == "0 12 * * *"
    assert row["state"] == row["triggerContext"]
    assert row["state"]["locked"]
    assert row["state"]["nextExecutionDate"].startswith("2026-01-0")
    again = {**NAMED, **SPAN}
    assert (await refused(fetch, "POST", "/backfills", again))[0] == 409
    assert (await send(fetch, "PUT", "/backfill/pause", NAMED))["backfill"]["paused"]
    unlocked = await send(fetch, "POST", "/demo/daily/noon/unlock")
    assert not unlocked["locked"]
    assert not (await send(fetch, "PUT", "/backfill/unpause", NAMED))["backfill"]["paused"]
    await paused(fetch, 2)
    assert (await send(fetch, "POST", "/backfill/delete", NAMED))["backfill"] is None
    [state] = (await fetch("api/v1/triggers/demo/daily"))["results"]
    assert state["backfill"] is None
    export = await jp_fetch(*["flowbook", "api", "v1", "triggers", "export", "by-query", "csv"])
    head, line = export.body.decode().splitlines()
    assert head.startswith("namespace,flowId,triggerId")
    assert line.startswith("demo,daily,noon")


async def test_several_are_switched_by_their_names_or_by_a_query(
    fetch: Fetch, workspace: Any
) -> None:
    await workspace.deploy(FLOW)
    await workspace.deploy(FLOW.replace("daily", "other"))
    done = await send(
        fetch, "POST", "/set-disabled/by-triggers", {"triggers": [NAMED], "disabled": True}
    )
    assert (done["count"], done["invalids"]) == (1, [])
    assert not (await send(fetch, "PUT", "/set-disabled", {**NAMED, "disabled": False}))["disabled"]
    await send(fetch, "POST", "/backfills", {**NAMED, **SPAN})
    await send(fetch, "POST", "/backfills", {**NAMED, **SPAN, "flowId": "other"})
    query = {"filters[namespace][EQUALS]": "demo"}
    assert (await send(fetch, "POST", "/backfill/pause/by-query", **query))["count"] == 2
    assert (await send(fetch, "POST", "/backfills/unpause/by-ids", [NAMED]))["totalItems"] == 1
    dropped = await send(fetch, "DELETE", "/backfills/by-query", **query)
    assert dropped["count"] == 2
    switched = await send(fetch, "POST", "/set-disabled/by-query", disabled="true", q="other")
    assert switched["count"] == 1
    results = (await fetch("api/v1/triggers/search"))["results"]
    assert [row["state"]["disabled"] for row in results] == [False, True]
    assert await send(fetch, "DELETE", "/demo/other/noon") is None
    assert not (await fetch("api/v1/triggers/demo/other"))["results"][0]["disabled"]


async def test_wrong_requests_are_answered(fetch: Fetch, workspace: Any) -> None:
    await workspace.deploy(FLOW)
    for asked, status, said in (
        (("PUT", "/backfill/create", {"namespace": "demo"}), 422, "A trigger is named by"),
        (("PUT", "/backfill/create", NAMED), 422, "A backfill has a 'start'"),
        (("POST", "/backfills", {**NAMED, "start": "soon"}), 422, "'soon' is no date"),
        (("POST", "/backfills", {**NAMED, **SPAN, "inputs": {"m": 1}}), 422, "has no input 'm'"),
        (("POST", "/backfills", {**NAMED, **SPAN, "triggerId": "x"}), 404, "has no schedule 'x'"),
        (("PUT", "/backfill/pause", NAMED), 404, "No backfill of trigger 'noon'"),
        (("POST", "/demo/daily/noon/unlock"), 409, "waits for no execution"),
        (("POST", "/unlock/by-triggers", {}), 422, "expected to be a list of triggers"),
        (("DELETE", "/demo/daily/x"), 404, "There is no trigger 'x'"),
    ):
        assert await refused(fetch, *asked) == (status, _holding(said))
    assert (await refused(fetch, "POST", "/unlock/by-query", state="FAILED"))[0] == 422


class _holding:
    """Equal to a text that holds this one."""

    def __init__(self, part: str) -> None:
        self.part = part

    def __eq__(self, other: object) -> bool:
        return self.part in str(other)

    def __hash__(self) -> int:
        return hash(self.part)

    def __repr__(self) -> str:
        return f"…{self.part}…"

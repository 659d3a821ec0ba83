"""The live stream: every row once, and nothing missed by who comes back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from .conftest import LONG, PATIENCE, QUICK


async def told(socket: Any) -> dict[str, Any]:
    message = await asyncio.wait_for(socket.read_message(), PATIENCE)
    assert message is not None
    return dict(json.loads(message))


async def states_of(socket: Any, run_id: str, end: str) -> list[str]:
    """The states of an execution as they arrive, up to `end`."""
    seen: list[str] = []
    while end not in seen:
        rows = (await told(socket))["rows"].get("executions", [])
        seen += [row["state"] for row in rows if row["id"] == run_id and row["state"] not in seen]
    return seen


async def test_executions_are_followed_from_what_there_is(jp_ws_fetch: Any, workspace: Any) -> None:
    await workspace.deploy(QUICK)
    first = await workspace.run("demo.quick")
    await workspace.end(first)
    socket = await jp_ws_fetch("flowbook", "stream")

    socket.write_message(json.dumps({"subscribe": "executions", "since": None}))
    snapshot = await told(socket)
    second = await workspace.run("demo.quick")

    assert [row["id"] for row in snapshot["rows"]["executions"]] == [first]
    assert (await states_of(socket, second, "SUCCESS"))[-1] == "SUCCESS"
    socket.close()


async def test_who_follows_all_is_told_how_far_they_are(jp_ws_fetch: Any, workspace: Any) -> None:
    await workspace.deploy(LONG)
    run_id = await workspace.run("demo.long")
    socket = await jp_ws_fetch("flowbook", "stream")
    socket.write_message(json.dumps({"subscribe": "executions", "since": 1}))

    standing: list[dict[str, Any]] = []
    while not standing or not standing[-1]["at"]:
        message = await told(socket)
        assert message["seq"] >= 1  # a page comes back to what it was told last
        standing += message["rows"].get("progress", [])

    assert standing[-1] == {
        "execution_id": run_id,
        "ended": 0,
        "expected": 1,
        "at": "wait",
        "estimate": None,
    }
    socket.close()


async def test_one_execution_is_followed_with_its_task_runs_and_logs(
    jp_ws_fetch: Any, workspace: Any
) -> None:
    await workspace.deploy(QUICK.replace("core.debug.Return, format", "core.log.Log, message"))
    socket = await jp_ws_fetch("flowbook", "stream")
    run_id = await workspace.run("demo.quick")
    socket.write_message(json.dumps({"subscribe": {"execution": run_id}, "since": None}))

    rows: dict[str, list[dict[str, Any]]] = {}
    while "SUCCESS" not in [row["state"] for row in rows.get("executions", [])] or not rows.get(
        "logs"
    ):
        for table, several in (await told(socket))["rows"].items():
            rows.setdefault(table, []).extend(several)

    assert {row["task_id"] for row in rows["task_runs"]} == {"greet"}
    assert "Hello Ada" in [row["message"] for row in rows["logs"]]
    socket.close()


async def test_a_reconnect_misses_nothing(jp_ws_fetch: Any, workspace: Any) -> None:
    await workspace.deploy(LONG)
    socket = await jp_ws_fetch("flowbook", "stream")
    socket.write_message(json.dumps({"subscribe": "executions", "since": None}))
    run_id = await workspace.run("demo.long")
    seq = 0
    while True:
        message = await told(socket)
        seq = message["seq"]
        if any(row["state"] == "RUNNING" for row in message["rows"].get("executions", [])):
            break
    socket.close()

    await workspace.kill(run_id)
    again = await jp_ws_fetch("flowbook", "stream")
    again.write_message(json.dumps({"subscribe": "executions", "since": seq}))

    assert "KILLED" in await states_of(again, run_id, "KILLED")
    again.close()


async def test_nonsense_is_answered_with_what_to_send(jp_ws_fetch: Any, workspace: Any) -> None:
    socket = await jp_ws_fetch("flowbook", "stream")

    socket.write_message("hello")

    assert "subscribe" in (await told(socket))["error"]
    socket.close()


async def test_a_stranger_gets_no_stream(jp_ws_fetch: Any, jp_serverapp: Any) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch("flowbook", "stream", headers={"Authorization": "token wrong"})

    assert refused.value.code == 403

"""What people do to executions over REST: to one by its id, to several by ids or by a query."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from .conftest import until

Fetch = Callable[..., Any]
GATE = """
id: gate
namespace: demo
inputs: [{id: name, type: STRING, defaults: Ada}]
concurrency: {limit: 2}
tasks:
  - {id: hold, type: io.kestra.plugin.core.flow.Pause, onResume: [{id: word, type: STRING, defaults: Hi}]}
  - {id: greet, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.hold.onResume.word }} {{ inputs.name }}"}
  - {id: fine, type: io.kestra.plugin.core.execution.Fail, condition: "{{ inputs.name == 'nobody' }}"}
"""


@pytest.fixture
def state(fetch: Fetch) -> Callable[[str], Any]:
    async def asked(run_id: str) -> str:
        body = await fetch(f"api/v1/executions/{run_id}")
        return str(body["state"]["current"])

    return asked


async def two_paused(workspace: Any, state: Callable[[str], Any]) -> list[str]:
    """Two executions that wait for somebody."""
    await workspace.deploy(GATE)
    ids = [await workspace.run("demo.gate") for _ in range(2)]
    for run_id in ids:
        await until(lambda run_id=run_id: is_(state, run_id, "PAUSED"))
    return ids


async def is_(state: Callable[[str], Any], run_id: str, wanted: str) -> bool:
    return bool(await state(run_id) == wanted)


async def post(fetch: Fetch, path: str, body: Any = None, **params: str) -> Any:
    return await fetch(
        f"api/v1/main/executions/{path}", method="POST", body=json.dumps(body), params=params
    )


async def test_one_execution_is_resumed_marked_labelled_replayed_and_deleted(
    workspace: Any, fetch: Fetch, state: Callable[[str], Any]
) -> None:
    first, _ = await two_paused(workspace, state)
    sent = {"Content-Type": "application/json"}
    await fetch(
        f"api/v1/executions/{first}/actions/resume",
        method="POST",
        body='{"word": "Hello"}',
        headers=sent,
    )
    await until(lambda: is_(state, first, "SUCCESS"))
    again = await fetch(
        f"api/v1/executions/{first}/replay-with-inputs",
        method="POST",
        body='{"name": "nobody"}',
        headers=sent,
    )
    assert (again["parentId"], again["inputs"]) == (first, {"name": "nobody"})
    await until(lambda: is_(state, again["id"], "PAUSED"))
    await post(fetch, f"{again['id']}/force-run")
    await until(lambda: is_(state, again["id"], "FAILED"))
    failed = (await fetch(f"api/v1/executions/{again['id']}"))["taskRunList"][-1]["id"]
    await post(fetch, f"{again['id']}/state", {"taskRunId": failed, "state": "SUCCESS"})
    await until(lambda: is_(state, again["id"], "SUCCESS"))
    await post(fetch, f"{again['id']}/actions/change-status", status="WARNING")
    labelled = await post(fetch, f"{again['id']}/labels", [{"key": "seen", "value": "yes"}])
    assert labelled["state"]["current"] == "WARNING"
    assert {"key": "seen", "value": "yes"} in labelled["labels"]
    assert await fetch(f"api/v1/executions/{first}", method="DELETE") is None
    with pytest.raises(HTTPClientError) as gone:
        await fetch(f"api/v1/executions/{first}")
    assert gone.value.code == 404


async def test_several_are_done_by_ids_or_by_query(
    workspace: Any, fetch: Fetch, state: Callable[[str], Any]
) -> None:
    paused = await two_paused(workspace, state)
    waiting = await workspace.run("demo.gate")
    await until(lambda: is_(state, waiting, "QUEUED"))
    with pytest.raises(HTTPClientError) as refused:
        await post(fetch, "resume/by-ids", [*paused, waiting])
    assert refused.value.code == 400
    told = json.loads(refused.value.response.body)
    assert told["message"].startswith("Nothing was done: ")
    assert [each["message"] for each in told["invalids"]] == [
        f"'{waiting}' is QUEUED; resume is for PAUSED"
    ]
    found = {"filters[state][IN]": "PAUSED,QUEUED", "filters[namespace][PREFIX]": "demo"}
    listed = await fetch("api/v1/executions/search", params=found)
    assert listed["total"] == 3
    labels = [{"key": "seen", "value": "yes"}]
    assert (await post(fetch, "labels/by-query", labels, flowId="gate"))["count"] == 3
    seen = {"filters[labels][EQUALS][seen]": "yes", "filters[state][NOT_EQUALS]": "QUEUED"}
    assert (await post(fetch, "resume/by-query", **seen))["count"] == 2
    await until(lambda: is_(state, waiting, "PAUSED"))
    killed = await fetch(
        "api/v1/executions/kill/by-query", method="DELETE", params={"labels": "seen:yes"}
    )
    assert killed["count"] == 1
    await until(lambda: is_(state, waiting, "KILLED"))
    gone = await fetch(
        "api/v1/executions/by-ids",
        method="DELETE",
        body=json.dumps([*paused, waiting]),
        allow_nonstandard_methods=True,
    )
    assert gone["count"] == 3


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("pause/by-query?filters[colour][EQUALS]=red", None, "There is no filter 'colour'"),
        ("pause/by-query?filters[flowId][REGEX]=x", None, "'flowId' has no operation 'REGEX'"),
        ("pause/by-query?state=GREEN", None, "There is no state GREEN"),
        ("pause/by-query?timeRange=soon", None, "'soon' is not a duration"),
        ("restart/by-ids", {"ids": []}, "a list of ids of executions"),
        ("labels/by-ids", {"executionsId": []}, "Labels are expected as"),
        ("change-status/by-ids", [], "The parameter 'newStatus' is missing"),
        ("none/restart", None, "There is no execution 'none'"),
        ("none/restart?revision=new", None, "revision is a whole number, but got 'new'"),
    ],
)
async def test_wrong_requests_are_refused(
    workspace: Any, fetch: Fetch, path: str, body: Any, message: str
) -> None:
    await workspace.deploy(GATE)
    path, _, query = path.partition("?")
    name, _, value = query.rpartition("=")
    with pytest.raises(HTTPClientError) as refused:
        await post(fetch, path, body, **({name: value} if name else {}))
    assert refused.value.code in (404, 422)
    assert message in json.loads(refused.value.response.body)["message"]


LOOK = """
id: look
namespace: demo
inputs: [{id: n, type: INT, defaults: 2}, {id: word, type: SECRET, defaults: correct-horse}]
tasks:
  - {id: twice, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.n * 2 }}"}
  - {id: said, type: io.kestra.plugin.core.debug.Return, format: "it is {{ outputs.twice.value }}"}
"""


async def test_an_execution_is_looked_into_and_a_task_tried_again(
    workspace: Any, fetch: Fetch, state: Callable[[str], Any]
) -> None:
    await workspace.deploy(LOOK)
    old, new = [await workspace.run("demo.look", inputs={"n": n}) for n in (2, 5)]
    for run_id in (old, new):
        await until(lambda run_id=run_id: is_(state, run_id, "SUCCESS"))

    async def evaluated(path: str, expression: str) -> Any:
        return await fetch(f"api/v1/executions/{new}/{path}", method="POST", body=expression)

    assert await evaluated("actions/eval", "{{ outputs.said.value }}") == {"result": "it is 10"}
    assert await evaluated("eval/twice", "[taskrun.attemptsCount, inputs.n]") == {
        "result": "[1, 5]"
    }
    assert await evaluated("actions/eval", "inputs.word") == {"result": "********"}
    assert "nope" in (await evaluated("eval", "outputs.nope"))["error"]
    told = await fetch(f"api/x/executions/{new}/diff")
    assert told["old"] == old
    assert {"section": "Tasks", "name": "twice.value", "old": "4", "new": "10"} in told["changes"]
    wanted = {"task": "said", "properties": {"format": "or {{ outputs.twice.value }}"}}
    again = await fetch(f"api/x/executions/{new}/rerun", method="POST", body=json.dumps(wanted))
    await until(lambda: is_(state, again["id"], "SUCCESS"))
    assert again["id"] not in (old, new)
    with pytest.raises(HTTPClientError) as refused:
        await fetch(f"api/x/executions/{new}/rerun", method="POST", body='{"task": "sad"}')
    assert refused.value.code == 404
    with pytest.raises(HTTPClientError) as refused:
        await fetch(f"api/x/executions/{new}/rerun", method="POST", body='{"tusk": "said"}')
    assert refused.value.code == 422

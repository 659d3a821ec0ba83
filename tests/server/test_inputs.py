"""The form of a flow's inputs over REST: asked, filled in, sent with files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from flowbook.hosts.server.stream import wanted
from flowbook.kinds.change import Change
from flowbook.store.rows import Batch
from flowbook.workspace.place import Place
from flowbook.workspace.secrets import Key

Fetch = Callable[..., Any]
FLOW = """\
id: asks
namespace: demo
inputs:
  - {id: n, type: INT, max: 5}
  - {id: data, type: FILE, required: false}
  - {id: token, type: SECRET, defaults: hidden-by-default}
checks:
  - {when: "{{ inputs.n < 4 }}", message: that is a lot, behavior: CREATE_EXECUTION}
tasks:
  - {id: text, type: core.debug.Return, format: "{{ inputs.data is null ? 'none' : read(inputs.data) }}"}
"""
JSON = {"Content-Type": "application/json"}


def multipart(*parts: tuple[str, str | None, str]) -> dict[str, Any]:
    """A form's body: name, file name, content."""
    lines = []
    for name, filename, content in parts:
        of_file = "" if filename is None else f'; filename="{filename}"'
        lines += ["--b", f'Content-Disposition: form-data; name="{name}"{of_file}', "", content]
    body = "\r\n".join([*lines, "--b--", ""])
    return {"body": body, "headers": {"Content-Type": "multipart/form-data; boundary=b"}}


async def test_a_form_is_asked_filled_in_and_sent(fetch: Fetch, workspace: Any) -> None:
    await workspace.deploy(FLOW)

    form = await fetch("api/x/flows/demo/asks/form")
    bad = await fetch(
        "api/v1/main/executions/demo/asks/validate",
        method="POST",
        headers=dict(JSON),
        body='{"n": "x"}',
    )
    good = await fetch(
        "api/v1/executions/demo/asks/validate", method="POST", headers=dict(JSON), body='{"n": "5"}'
    )
    made = await fetch(
        "api/v1/executions/demo/asks",
        method="POST",
        params={"wait": "true"},
        **multipart(("n", None, "3"), ("data", "a.csv", "x,y")),
    )
    older = await fetch(
        "api/v1/executions/demo/asks",
        method="POST",
        params={"wait": "true"},
        **multipart(("n", None, "3"), ("files", "data", "z")),
    )

    assert list(form["properties"]) == ["n", "data", "token"]
    told = {one["input"]["id"]: one for one in bad["inputs"]}
    assert told["n"]["errors"][0]["message"].startswith("Invalid input for `n`, For input string")
    assert told["n"]["errors"][0]["accepts"] == "a whole number like 42, at most 5"
    assert (told["token"]["value"], told["token"]["isDefault"]) == ("********", True)
    assert good["checks"][0]["message"] == "that is a lot"
    assert made["taskRunList"][0]["outputs"] == {"value": "x,y"}
    assert made["inputs"]["data"].endswith("/inputs/data/a.csv")
    assert made["inputs"]["token"] == "********"
    assert older["taskRunList"][0]["outputs"] == {"value": "z"}


@pytest.mark.parametrize(
    ("body", "path", "said"),
    [
        ({"n": "9"}, "n", "it must be less than `5`"),
        ({}, "n", "missing required input"),
        ({"n": 1, "data": "/etc/passwd"}, "data", "as an upload or by its kestra:/// URI"),
    ],
)
async def test_refused_inputs_are_named(
    fetch: Fetch, workspace: Any, body: dict[str, Any], path: str, said: str
) -> None:
    await workspace.deploy(FLOW)

    with pytest.raises(HTTPClientError) as refused:
        await fetch(
            "api/v1/executions/demo/asks", method="POST", headers=dict(JSON), body=json.dumps(body)
        )

    answer = json.loads(refused.value.response.body)
    (error,) = answer["_embedded"]["errors"]
    assert (refused.value.code, error["path"]) == (422, path)
    assert said in error["message"]


async def test_a_secret_is_stars_in_every_answer(fetch: Fetch, workspace: Any) -> None:
    await workspace.deploy(FLOW)
    made = await fetch(
        "api/v1/executions/demo/asks",
        method="POST",
        params={"wait": "true"},
        headers=dict(JSON),
        body='{"n": 1, "token": "hunter2"}',
    )
    answers = [
        await fetch(f"api/v1/executions/{made['id']}"),
        await fetch("api/v1/executions/search"),
        await fetch(f"api/x/executions/{made['id']}/view"),
    ]
    assert answers[0]["inputs"]["token"] == "********"
    assert "hunter2" not in json.dumps([made, *answers])
    assert "aes_encrypted" not in json.dumps([made, *answers])


def test_a_secret_is_stars_in_the_stream(tmp_path: Path) -> None:
    key = Key(Place(tmp_path))
    row = {"id": "e", "inputs": {"token": key.seal("hunter2"), "n": 1}}
    batch = Batch(1, (), (Change("executions", ("e",), row),), ())
    (sent,) = wanted(batch, None)["executions"]
    assert sent["inputs"] == {"token": "********", "n": 1}

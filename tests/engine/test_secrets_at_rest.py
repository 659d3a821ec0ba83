"""No byte of a workspace shows a secret: not the history, its log, stored files, nor what people read."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.errors import FlowbookError, InputInvalid
from flowbook.hosts.server.routes.executions import whole
from flowbook.kinds.state import State
from flowbook.workspace.masking import STARS

HOST = Path(__file__).with_name("host_process.py")
SECRET = "cor-rect horse/battery"
CHILD = """
id: child
namespace: tests
inputs: [{id: token, type: STRING}]
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "child has {{ inputs.token }}"}
  - {id: back, type: io.kestra.plugin.core.debug.Return, format: "back {{ inputs.token }}"}
outputs: [{id: back, type: STRING, value: "{{ outputs.back.value }}"}]
"""
FLOW = """
id: closing
namespace: tests
inputs:
  - {id: token, type: SECRET}
  - {id: req.pin, type: SECRET, required: false}
  - {id: req.host, type: STRING, defaults: localhost}
  - {id: header, type: STRING, required: false, defaults: "Bearer {{ inputs.token }}", dependsOn: {inputs: [token]}}
variables: {seen: none}
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "it is {{ inputs.token }}"}
  - {id: hand, type: io.kestra.plugin.core.debug.Return, format: "<{{ inputs.header }}>"}
  - id: script
    type: io.kestra.plugin.scripts.shell.Commands
    env: {TOKEN: "{{ inputs.token }}"}
    commands:
      - test "$(printf %s "$TOKEN" | wc -c)" = 22
      - echo "script has $TOKEN"
      - 'echo ''::{"outputs":{"token":"''"$TOKEN"''"}}::'''
  - id: note
    type: flowbook.jupyter.Notebook
    path: note.ipynb
    parameters: {token: "{{ inputs.token }}"}
  - id: sub
    type: io.kestra.plugin.core.flow.Subflow
    namespace: tests
    flowId: child
    inputs: {token: "{{ inputs.token }}"}
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: ["{{ inputs.token }}", plain]
    tasks: [{id: one, type: io.kestra.plugin.core.debug.Return, format: "{{ taskrun.value }}"}]
  - {id: keep, type: io.kestra.plugin.core.kv.Set, key: kept, value: "{{ inputs.token }}"}
  - {id: memo, type: io.kestra.plugin.core.cache.Put, key: kept, value: "{{ inputs.token }}"}
  - id: cached
    type: io.kestra.plugin.core.debug.Return
    format: "{{ inputs.token }}"
    taskCache: {enabled: true}
  - {id: vary, type: io.kestra.plugin.core.execution.SetVariables, variables: {seen: "{{ inputs.token }}"}}
  - {id: label, type: io.kestra.plugin.core.execution.Labels, labels: {token: "{{ inputs.token }}"}}
  - id: choose
    type: io.kestra.plugin.core.flow.Switch
    value: "{{ inputs.token }}"
    cases: {other: []}
    defaults: [{id: right, type: io.kestra.plugin.core.log.Log, message: "took {{ outputs.choose.value }}"}]
  - id: check
    type: io.kestra.plugin.core.execution.Assert
    conditions:
      - "{{ outputs.sub.outputs.back == 'back ' ~ inputs.token }}"
      - "{{ kv('kept') == inputs.token and vars.seen == inputs.token }}"
      - "{{ outputs.hand.value == '<Bearer ' ~ inputs.token ~ '>' }}"
      - "{{ outputs.script.vars.token == inputs.token and outputs.note.back == inputs.token }}"
  - {id: wait, type: io.kestra.plugin.core.flow.Pause, onResume: [{id: code, type: SECRET}]}
  - {id: again, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.token }} {{ outputs.wait.onResume.code }}"}
  - {id: fail, type: io.kestra.plugin.core.execution.Fail, runIf: "{{ kv('mended', errorOnMissing=false) is null }}",
     errorMessage: "no luck with {{ inputs.token }}"}
outputs:
  - {id: token, type: SECRET, value: "{{ inputs.token }}"}
"""
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "p",
            "metadata": {"tags": ["parameters"]},
            "source": "token = ''",
            "outputs": [],
            "execution_count": None,
        },
        {
            "cell_type": "code",
            "id": "s",
            "metadata": {},
            "source": "import flowbook as fb\nprint('notebook has', token)\nfb.outputs(back=token)\ntoken",
            "outputs": [],
            "execution_count": None,
        },
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def traces(space: Path, *secrets: str) -> list[str]:
    """The files of a workspace in which one of these texts stands, however JSON writes it."""
    forms = {form.encode() for one in secrets for form in (one, json.dumps(one)[1:-1])}
    return [
        str(path.relative_to(space))
        for path in space.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ]


def until(run: fb.Run, state: State) -> None:
    """Wait for a state on the way."""
    deadline = time.monotonic() + 60
    while run.state is not state:
        assert not run.state.is_terminal, run.error
        assert time.monotonic() < deadline, run.state
        time.sleep(0.05)


@pytest.fixture
def space(tmp_path: Path) -> Path:
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "note.ipynb").write_text(json.dumps(NOTEBOOK))
    return tmp_path / "space"


def command(space: Path, *arguments: str) -> str:
    """What a command prints, all of it."""
    done = subprocess.run(
        [sys.executable, "-m", "flowbook.hosts.cli", *arguments],
        cwd=space,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_secret_input_is_nowhere_in_clear(space: Path) -> None:
    pin, code = "4711-pin", "resume-code-7"
    secrets = SECRET, pin, code
    with fb.open(space) as workspace:
        workspace.deploy(CHILD)
        workspace.deploy(FLOW)
        run = workspace.run("tests.closing", {"token": SECRET, "req": {"pin": pin}}, wait=False)
        until(run, State.PAUSED)
        assert traces(space, *secrets) == []
        assert run.inputs["token"] == run.inputs["header"] == STARS
        assert run.inputs["req"] == {"pin": STARS, "host": "localhost"}
        workspace.resume(run.id, {"code": code})
        run.wait(60)
        assert run["check"].state is State.SUCCESS
        assert run.error is not None
        assert run.error["message"] == f"no luck with {STARS}"
        workspace.kv("tests")["mended"] = True
        kept = workspace.kv("tests")["kept"]
        assert kept == STARS
    # another host goes on from the events alone, and knows what to hide
    said = command(space, "executions", "restart", run.id)
    assert "SUCCESS" in said
    commands = [
        ("executions", "get", run.id, "-o", "json"),
        ("logs", run.id),
        ("sql", "select * from events"),
        ("sql", "select * from executions", "-o", "json"),
        ("sql", "select * from outputs", "-o", "json"),
        ("kv", "get", "tests", "kept"),
    ]
    for each in commands:
        said += command(space, *each)
    with fb.open(space) as workspace:
        run = workspace.execution(run.id)
        assert run["again"].outputs == {"value": STARS}
        assert run.outputs == {"token": STARS}
        assert run.eval("{{ inputs.token }}") == STARS
        assert run.eval("{{ inputs.token | length }}") == len(SECRET)
        said += json.dumps(workspace.portal.call(whole(workspace.engine, run.id)), default=str)
        said += repr(run) + json.dumps(run._repr_mimebundle_(), default=str) + str(run.logs())
        replayed = workspace.replay(run.id, inputs={"token": STARS, "req.pin": "other"})
        until(replayed, State.PAUSED)
        assert replayed["check"].state is State.SUCCESS
        replayed.kill().wait(30)
        assert traces(workspace.engine.place.runtime, *secrets) == []
    assert "took ********" in said
    assert not [secret for secret in secrets if secret in said]
    assert traces(space, *secrets) == []


FAILING = """
id: failing
namespace: tests
inputs: [{id: token, type: SECRET}, {id: n, type: SECRET, defaults: "7"}]
tasks:
  - {id: hand, type: io.kestra.plugin.core.debug.Return, format: "a {{ inputs.token }}"}
  - {id: wait, type: io.kestra.plugin.core.flow.Pause}
  - {id: after, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.hand.value | length }}"}
  - {id: short, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.n }}"}
"""


def test_a_host_that_takes_over_opens_what_was_closed(tmp_path: Path) -> None:
    with fb.open(tmp_path) as workspace:
        run = workspace.run(FAILING, {"token": SECRET}, wait=False)
        until(run, State.PAUSED)
    with fb.open(tmp_path) as workspace:
        run = workspace.execution(run.id)
        workspace.resume(run.id)
        run.wait(30)
        assert run["after"].outputs == {"value": str(len(SECRET) + 2)}
        assert (run["hand"].outputs, run["short"].outputs) == ({"value": STARS}, {"value": STARS})
        assert workspace.sql("select outputs from outputs where task_id = 'short'").fetchall() != []
    assert traces(tmp_path, SECRET) == []


def test_without_the_key_what_is_closed_stays_closed(tmp_path: Path) -> None:
    with fb.open(tmp_path) as workspace:
        run = workspace.run(FAILING, {"token": SECRET}, wait=False)
        until(run, State.PAUSED)
    key = tmp_path / ".flowbook" / "secret.key"
    key.rename(tmp_path / "kept.key")
    with fb.open(tmp_path) as workspace:
        run = workspace.execution(run.id)
        assert run.inputs["token"] == STARS
        with pytest.raises(
            FlowbookError, match=r"The key .*secret\.key is missing: .* Put it back"
        ):
            workspace.resume(run.id)
        assert run.state is State.PAUSED
        (tmp_path / "kept.key").rename(key)
        workspace.resume(run.id)
        run.wait(30)
        assert run.state is State.SUCCESS


def test_a_wish_of_another_host_is_closed_too(tmp_path: Path) -> None:
    asks = FAILING.replace("flow.Pause}", "flow.Pause, onResume: [{id: code, type: SECRET}]}")
    with fb.open(tmp_path) as driving, fb.open(tmp_path) as other:
        run = driving.run(asks, {"token": SECRET}, wait=False)
        until(run, State.PAUSED)
        other.resume(run.id, {"code": "from elsewhere"})
        run.wait(30)
        assert run.state is State.SUCCESS
        assert run.eval("{{ outputs.wait.onResume.code | length }}") == 14
    assert traces(tmp_path, SECRET, "from elsewhere") == []


def test_a_table_with_a_secret_is_kept_closed(tmp_path: Path) -> None:
    flow = """
    id: tables
    namespace: tests
    inputs: [{id: token, type: SECRET}]
    tasks:
      - {id: plain, type: io.kestra.plugin.jdbc.duckdb.Query, sql: "select * from range(200) t(n)", fetchType: FETCH}
      - id: rows
        type: io.kestra.plugin.jdbc.duckdb.Query
        sql: "select '{{ inputs.token }}' as token, n from range(200) t(n)"
        fetchType: FETCH
      - {id: use, type: io.kestra.plugin.core.debug.Return,
         format: "{{ outputs.rows.rows[199].token == inputs.token }} {{ outputs.rows.rows | length }}"}
    """
    with fb.open(tmp_path) as workspace:
        run = workspace.run(flow, {"token": SECRET})
        assert run["use"].outputs == {"value": "true 200"}
        assert run["rows"].outputs["rows"] == STARS
    stored = {path.parts[-3] for path in tmp_path.rglob("*.parquet")}
    assert stored == {"plain"}
    assert traces(tmp_path, SECRET) == []


def test_a_large_table_with_a_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowbook.engine.secret_tables.LARGEST", 1000)
    flow = """
    id: large-tables
    namespace: tests
    inputs: [{id: token, type: SECRET}]
    tasks:
      - id: rows
        type: io.kestra.plugin.jdbc.duckdb.Query
        sql: "select '{{ inputs.token }}' as token, md5(n::varchar) as hash from range(200) t(n)"
        fetchType: FETCH
    """
    with fb.open(tmp_path) as workspace:
        run = workspace.run(flow, {"token": SECRET})
        assert run.error is not None
        assert "holds a secret" in run.error["message"]
        assert "leave the column out or hand on fewer rows" in run.error["message"]
    assert traces(tmp_path, SECRET) == []
    assert list(tmp_path.rglob("*.parquet")) == []


def test_what_a_flow_refuses_does_not_show_the_secret(tmp_path: Path) -> None:
    flow = FAILING.replace(
        "{id: token, type: SECRET}", "{id: token, type: SECRET, validator: '[0-9]+'}"
    )
    with fb.open(tmp_path) as workspace, pytest.raises(InputInvalid) as refused:
        workspace.run(flow, {"token": SECRET})
    assert "but received `********`" in str(refused.value)
    assert traces(tmp_path, SECRET) == []


ADOPTED = """
id: adopted
namespace: tests
inputs: [{id: token, type: SECRET, defaults: "{{ secret('TOKEN') }}"}]
tasks:
  - {id: hand, type: io.kestra.plugin.core.debug.Return, format: "a {{ inputs.token }}"}
  - id: work
    type: io.kestra.plugin.scripts.shell.Commands
    recover: RESTART
    env: {TOKEN: "{{ inputs.token }}"}
    commands: ['echo "began with $TOKEN" && touch BEGAN', 'test -e GO || sleep 60', 'echo "ended with $TOKEN"']
  - {id: after, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.hand.value | length }}"}
"""


@pytest.mark.slow
def test_an_execution_of_a_killed_host_is_adopted_with_its_secrets(tmp_path: Path) -> None:
    flow = tmp_path / "adopted.yaml"
    began, go = tmp_path / "began", tmp_path / "go"
    flow.write_text(ADOPTED.replace("BEGAN", str(began)).replace("GO", str(go)))
    environ = {**os.environ, "SECRET_TOKEN": base64.b64encode(SECRET.encode()).decode()}
    host = subprocess.Popen(
        [sys.executable, str(HOST), str(tmp_path / "space"), str(flow)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert host.stdout is not None
        run_id = host.stdout.readline().strip()
        deadline = time.monotonic() + 60
        while not began.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        go.touch()
        host.kill()
        host.communicate()
        with fb.open(tmp_path / "space") as workspace:
            run = workspace.execution(run_id).wait(90)
            assert run.state is State.SUCCESS, run.error
            assert run["after"].outputs == {"value": str(len(SECRET) + 2)}
            said = [line["message"] for line in run.logs(task="work")]
            assert f"ended with {STARS}" in said
        assert traces(tmp_path / "space", SECRET) == []
    finally:
        if host.poll() is None:
            host.kill()
            host.communicate()

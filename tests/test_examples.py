"""Every part is documented, and every example that stands beside one runs through the engine."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

import flowbook as fb
from flowbook.kinds.describe import Description, describe, types_of
from flowbook.kinds.find import find
from flowbook.kinds.part import Example, examples

PROGRAM = "the program "
CONNECTION = "a connection to "
PARTS = [pytest.param(describe(name, kind), id=name) for kind, name in types_of()]


def marks(name: str, example: Example) -> list[Any]:
    """Notebooks take their time; a program may not be installed, a person isn't there."""
    found = [pytest.mark.slow] if ".jupyter." in name else []
    program = example.needs.removeprefix(PROGRAM)
    if example.needs.startswith(PROGRAM) and shutil.which(program) is None:
        return [*found, pytest.mark.skip(reason=f"{program} is not installed")]
    return found


RUN = [
    pytest.param(
        example,
        id=f"{name.removeprefix('io.kestra.plugin.')}-{example.title}",
        marks=marks(name, example),
    )
    for kind, name in types_of()
    if (part := find(kind, name)) is not None
    for example in examples(part)
    if not example.needs or example.needs.startswith((PROGRAM, CONNECTION))
]


class Echo(BaseHTTPRequestHandler):
    """Says what it was asked, as services in examples do."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        body = json.dumps({"path": asked.path, "args": dict(parse_qsl(asked.query))}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with fb.open(tmp_path_factory.mktemp("examples"), embedded=True) as workspace:
        yield workspace


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_documented(part: Description) -> None:
    assert part.doc
    assert [each.name for each in part.properties if not each.doc] == []
    assert part.examples


@pytest.mark.parametrize("example", RUN)
def test_an_example_does_what_it_says(
    workspace: Any, service: str, example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root)
    for name, text in example.files.items():
        Path(name).write_text(text)
    for flow in example.flows:
        workspace.deploy(flow)
    flow = example.flow
    if example.needs.startswith(CONNECTION):
        flow = re.sub(r"https://[\w.-]+", service, flow)
    run = workspace.run(flow, inputs=dict(example.inputs), timeout=120)
    said = [line["message"] for line in run.logs()]
    assert run.state == example.state, (run.error, said)
    assert [line for line in example.logs if not any(line in one for one in said)] == []
    for task, wanted in example.outputs.items():
        assert _held(wanted, _outputs(run, task)), (task, _outputs(run, task))


def _outputs(run: Any, task: str) -> Any:
    """A task's outputs; inside an iteration by value."""
    runs = [one for one in run.task_runs if one.task_id == task]
    if len(runs) == 1 and runs[0].value is None:
        return json.loads(json.dumps(dict(runs[0].outputs or {}), default=str))
    return {one.value: dict(one.outputs or {}) for one in runs}


def _held(wanted: Any, found: Any) -> bool:
    """Whether a value holds what is wanted; maps may hold more."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            name in found and _held(value, found[name]) for name, value in wanted.items()
        )
    return bool(wanted == found)

"""Flow triggers with several hosts, hosts that end, and hosts that are killed: none is lost, none fires twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.kinds.state import State

from .test_across_hosts import Other, eventually

pytestmark = pytest.mark.slow
UPSTREAM = """
id: %s
namespace: tests
inputs: [{id: n, type: STRING, required: false}]
tasks: [{id: make, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.n }}"}]
"""
FOLLOWER = """
id: after-%s
namespace: tests
tasks: [{id: say, type: io.kestra.plugin.core.debug.Return, format: "{{ trigger.executionId }}"}]
triggers:
  - id: follows
    type: io.kestra.plugin.core.trigger.Flow
    dependsOn: [%s]
    mode: %s
"""
DIES = """
import os, sys, threading
import flowbook as fb
from flowbook.engine import trigger_asking, triggering
def dies(*_, **__):
    os.kill(os.getpid(), 9)
{at} = dies
with fb.open(sys.argv[1]) as workspace:
    workspace.run(sys.argv[2])
    threading.Event().wait()
"""
ENDS = """
import sys
import flowbook as fb
with fb.open(sys.argv[1]) as workspace:
    print(workspace.run(sys.argv[2]).id)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path_factory.mktemp("person")))
        yield tmp_path_factory.mktemp("across")


@pytest.fixture(scope="module")
def here(root: Path) -> Iterator[fb.Workspace]:
    with fb.open(root / "space") as workspace:
        yield workspace


@pytest.fixture(scope="module")
def other(root: Path, here: fb.Workspace) -> Iterator[Other]:
    host = Other(root)
    yield host
    host.dies()


def deployed(here: fb.Workspace, name: str, *upstream: str, mode: str = "ALL") -> None:
    """Flows of these names, and one that follows them."""
    for one in upstream:
        here.deploy(UPSTREAM % one)
    entries = ", ".join(
        f"{{namespace: tests, flowId: {one}, states: [SUCCESS]}}" for one in upstream
    )
    here.deploy(FOLLOWER % (name, entries, mode))


def started(here: fb.Workspace, name: str) -> list[fb.Run]:
    return here.executions(flow=f"tests.after-{name}", limit=1000)


def carried_out(root: Path, script: str, flow: str) -> subprocess.CompletedProcess[str]:
    """A host of its own that runs a flow and is gone."""
    return subprocess.run(
        [sys.executable, "-c", script, str(root / "space"), flow],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_two_hosts_fire_once_for_each_execution(here: fb.Workspace, other: Other) -> None:
    deployed(here, "any", "left", "right", mode="ANY")
    ids = []
    for n in range(10):
        ids.append(other.do("run", "tests.left", {"n": str(n)}, wait=False))
        ids.append(here.run("tests.right", {"n": str(n)}, wait=False).id)
    eventually(lambda: len(started(here, "any")) >= 20)
    eventually(lambda: all(run.is_over for run in started(here, "any")))
    told = Counter(run["say"].outputs["value"] for run in started(here, "any"))
    assert told == Counter(ids)


def test_what_two_hosts_have_done_is_gathered(here: fb.Workspace, other: Other) -> None:
    deployed(here, "both", "one", "two")
    for n in range(1, 6):
        other.do("run", "tests.one", wait=False)
        here.run("tests.two", wait=False)
        eventually(lambda n=n: len(started(here, "both")) >= n)
    eventually(lambda: all(run.is_over for run in started(here, "both")))
    assert len(started(here, "both")) == 5


def test_a_script_that_ends_has_fired(here: fb.Workspace, root: Path) -> None:
    deployed(here, "script", "short")
    gate = "tasks: [{id: gate, type: io.kestra.plugin.core.flow.Pause}, "
    follower = here.flow("tests.after-script").source
    here.deploy(follower.replace("tasks: [", gate))
    done = carried_out(root, ENDS, "tests.short")
    assert done.returncode == 0, done.stderr
    [run] = started(here, "script")
    assert run.labels["system.correlationId"] == done.stdout.strip()
    here.portal.call(here.engine.adoption.take_over(run.id))  # as a server does at once
    eventually(lambda: run.state is State.PAUSED)
    here.resume(run.id)
    assert run.wait(60).state is State.SUCCESS
    assert run["say"].outputs["value"] == done.stdout.strip()


DIED = {
    "before-it-was-asked": "triggering.Triggering.take",
    "while-it-was-asked": "triggering.Triggering._ask",
    "after-it-was-decided": "trigger_asking.Asking.start",
    "before-the-execution-began": "trigger_asking.begin",
}
"""Where a host was killed, on its way from the end of an execution to the beginning of the next."""


@pytest.fixture(scope="module")
def killed(here: fb.Workspace, other: Other, root: Path) -> None:
    """Each of them has died; what they left is gone on with by whichever of two others sees it first."""
    for name, at in DIED.items():
        deployed(here, name, f"killed-{name}")
        died = carried_out(root, DIES.format(at=at), f"tests.killed-{name}")
        assert died.returncode == -signal.SIGKILL, died.stderr


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize("name", DIED)
def test_a_killed_host_loses_nothing_and_doubles_nothing(here: fb.Workspace, name: str) -> None:
    [before] = here.executions(flow=f"tests.killed-{name}")
    eventually(lambda: before.state is State.SUCCESS)
    eventually(lambda: started(here, name) and started(here, name)[0].is_over)
    [run] = started(here, name)
    assert run["say"].outputs["value"] == before.id
    left = here.engine.store.transact("fires_left", host=here.engine.host.id)
    assert f"after-{name}" not in {row["flow_id"] for row in here.portal.call(left)}

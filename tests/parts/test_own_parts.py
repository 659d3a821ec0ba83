"""A package of somebody else's, found by its entry point: a task, a trigger, an input type and a filter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ACME = Path(__file__).with_name("acme")
PACKAGE = Path(__file__).parents[2] / "kernel_ext"
FLOW = """
id: pays
namespace: acme.tests
inputs: [{id: account, type: IBAN, defaults: "GB82 WEST 1234 5698 7654 32"}]
tasks:
  - {id: who, type: acme.crm.Lookup, number: 8}
  - {id: say, type: io.kestra.plugin.core.log.Log,
     message: "{{ outputs.who.name | initials }} by {{ trigger.date is defined ? 'clock' : 'hand' }} from {{ inputs.account }}"}
triggers: [{id: often, type: acme.trigger.Often, seconds: 1}]
"""
USED = """
import asyncio, sys, time
import flowbook as fb
from flowbook.engine.firing import hold, scheduler_of

async def fired(ws):
    holding = asyncio.create_task(hold(ws.engine, scheduler_of(ws.engine)))
    try:
        async with asyncio.timeout(40):
            while not (rows := await ws.engine.history.executions(states=["SUCCESS"])):
                await asyncio.sleep(0.05)
    finally:
        holding.cancel()
    return rows[-1]["id"]

with fb.open(sys.argv[1], embedded=True, kind="server") as ws:
    ws.deploy(sys.argv[2])
    run = ws.execution(ws.portal.call(fired(ws)))
    print([line["message"] for line in run.logs() if "from GB" in line["message"]])
    for wrong in ({"account": "GB83WEST12345698765432"},):
        try:
            ws.run("acme.tests.pays", wrong)
        except fb.InputInvalid as error:
            print(error)
"""


def install(project: Path, target: Path) -> None:
    """Put a package where Python looks, with its entry points, as `pip install --target` does; no network
    and no build backend is needed for it."""
    told = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    for package in set(told["entry-points"]["flowbook.parts"].values()):
        shutil.copytree(project / package, target / package)
    info = target / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
    )
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())])
        for group, entries in told["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the package is installed."""
    target = tmp_path_factory.mktemp("site")
    install(ACME, target)
    home = tmp_path_factory.mktemp("home")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(target), str(PACKAGE)]),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "rt"),
        "FLOWBOOK_HOME": str(home / "ws"),
    }


@pytest.fixture
def python(installed: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str, path: str = "") -> subprocess.CompletedProcess[str]:
        given = installed | {"PYTHONPATH": os.pathsep.join([installed["PYTHONPATH"], path])}
        return subprocess.run(
            [sys.executable, *words],
            env=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.mark.slow
def test_a_flow_uses_all_four(python: Callable[..., object], tmp_path: Path) -> None:
    done = python("-c", USED, str(tmp_path / "space"), FLOW)
    assert done.returncode == 0, done.stderr
    said, refused, *hint = done.stdout.splitlines()
    assert said == "['GH by clock from GB82WEST12345698765432']"
    assert "its check digits are wrong" in refused
    assert "an account number like GB82" in " ".join([refused, *hint])


@pytest.mark.slow
def test_own_parts_are_listed_and_described(python: Callable[..., object]) -> None:
    listed = json.loads(python("-m", "flowbook", "plugins", "list", "-q", "acme.", "--json").stdout)
    assert [(row["type"], row["kind"]) for row in listed] == [
        ("acme.crm.Lookup", "task"),
        ("acme.input.Iban", "input"),
        ("acme.trigger.Often", "trigger"),
    ]
    page = python("-m", "flowbook", "plugins", "doc", "Lookup").stdout
    assert page.startswith("# Lookup\n\n`acme.crm.Lookup`\n\nFind the name of a customer.\n")
    assert "- `number` (text; required; rendered): The customer's number." in page
    schema = json.loads(python("-m", "flowbook", "flows", "schema").stdout)
    assert "number" in schema["definitions"]["acme.crm.Lookup"]["properties"]


@pytest.mark.slow
def test_a_package_that_is_broken_is_left_out(
    python: Callable[..., object], tmp_path: Path
) -> None:
    broken = tmp_path / "broken_parts"
    broken.mkdir()
    (broken / "__init__.py").write_text("import nothing_of_this_name\n")
    info = tmp_path / "broken-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[flowbook.parts]\nbroken = broken_parts\n")
    validated = textwrap.dedent(
        """
        import flowbook.kinds.find as find
        print(find.find("task", "acme.crm.Lookup").__name__, find.find("task", "broken.crm.Lookup"))
        """
    )
    done = python("-c", validated, path=str(tmp_path))
    assert done.stdout == "Lookup None\n"
    assert "broken_parts is left out: ModuleNotFoundError: No module named" in done.stderr

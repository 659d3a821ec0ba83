"""`flowbook demo`: a newcomer's first command."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from flowbook import demo
from flowbook.demo.serving import served
from flowbook.flows.parse import parse

PACKAGE = Path(__file__).parents[2] / "kernel_ext"


def _flowbook(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLOWBOOK_", "JUPYTER_"))
    } | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "PYTHONPATH": str(PACKAGE),
        **more,
    }
    return subprocess.run(
        [sys.executable, "-m", "flowbook", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
def test_demo_runs_its_flow_and_says_where_everything_is(tmp_path: Path) -> None:
    done = _flowbook(tmp_path, "demo", "--year", "2012")
    assert done.returncode == 0, done.stdout + done.stderr
    out = done.stdout
    for task in ("download", "clean", "report", "seasons", "summary"):
        assert re.search(rf"SUCCESS +{task}\b", out), out
    assert re.search(r"winter +\d+ +[\d.]+ +\d+", out)
    assert "wet days in 2012" in out
    root = tmp_path / "flowbook-demo"
    assert (root / ".gitignore").read_text() == "*\n"
    assert (root / ".flowbook/flowbook.duckdb").is_file()
    (executed,) = (root / "reports").glob("*.ipynb")
    assert f"flowbook-demo/reports/{executed.name}" in out
    outputs = [
        output
        for cell in json.loads(executed.read_text())["cells"]
        for output in cell.get("outputs", [])
    ]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    tried = re.search(r"(?<=flowbook) --workspace flowbook-demo executions get (\w+)", out)
    assert tried is not None
    page = _flowbook(tmp_path, *tried[0].split())
    assert "✓ Success  demo.seattle-weather" in page.stdout


def test_copy_lays_out_the_files_and_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine/flows").mkdir(parents=True)
    (tmp_path / "mine/flows/seattle-weather.yaml").write_text("id: mine\n")
    done = _flowbook(tmp_path, "demo", "--copy", "mine")
    assert done.returncode == 0
    assert (tmp_path / "mine/flows/seattle-weather.yaml").read_text() == "id: mine\n"
    assert (tmp_path / "mine/flows/weather-report.ipynb").is_file()
    assert "NOAA" in (tmp_path / "mine/data/SOURCES.md").read_text()


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        (["pandas"], "The demo needs pandas, which is not installed."),
        (
            ["pandas", "matplotlib"],
            "The demo needs pandas and matplotlib, which are not installed.",
        ),
    ],
    ids=["one", "both"],
)
def test_without_its_extra_the_demo_names_it(hidden: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nfor name in {hidden}: sys.modules[name] = None\n"
    )
    done = _flowbook(tmp_path, "demo", PYTHONPATH=f"{tmp_path}{os.pathsep}{PACKAGE}")
    assert done.returncode == 1
    assert said in done.stderr
    assert 'pip install "flowbook[demo]"' in done.stderr
    assert not (tmp_path / "flowbook-demo").exists()


def test_the_data_is_the_one_its_source_names() -> None:
    digest = hashlib.sha256(demo.DATA.read_bytes()).hexdigest()
    assert digest == "62f0609f787158128aa2bd102967173a4953122dd4f872bf1d502cae1037df0b"
    assert len(demo.DATA.read_text().splitlines()) == 1462


def test_the_data_is_served_to_this_machine_alone() -> None:
    with served() as url:
        assert url.startswith("http://127.0.0.1:")
        assert urllib.request.urlopen(url).read() == demo.DATA.read_bytes()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url.rpartition("/")[0] + "/../../__init__.py")


def test_the_flow_has_no_problem() -> None:
    flow = parse((demo.FILES / demo.FLOW).read_text(), folder=demo.FILES)
    assert flow.uid == demo.ID
    assert [task.id for task in flow.tasks] == ["download", "clean", "report", "seasons", "summary"]

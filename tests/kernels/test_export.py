"""A notebook as a PDF: printed by a real Chromium."""

from __future__ import annotations

import json
import os
import re
import stat
import zlib
from pathlib import Path

import pytest

from flowbook.errors import FlowbookError
from flowbook.kernels import export as exports
from flowbook.kernels.export import BROWSERS, export

from .conftest import notebook

pytestmark = pytest.mark.anyio


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A notebook that has run; its folder has a name with a blank and an umlaut."""
    folder = tmp_path / "bericht für märz"
    folder.mkdir()
    made = notebook({"cell_type": "markdown", "source": "# Bericht"}, "print('lines')")
    lines = {"output_type": "stream", "name": "stdout", "text": "line\n" * 300}
    made["cells"][1] |= {"outputs": [lines], "execution_count": 1}
    path = folder / "bericht.ipynb"
    path.write_text(json.dumps(made))
    return path


@pytest.mark.slow
@pytest.mark.skipif(not any(map(exports.shutil.which, BROWSERS)), reason="no Chromium here")
async def test_a_browser_prints_the_page(report: Path, tmp_path: Path) -> None:
    made = await export(report, "pdf", tmp_path / "out")
    data = made.read_bytes()
    assert made.name == "bericht.pdf"
    assert data.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) > 3
    assert len(list(made.parent.iterdir())) == 1
    shorter = await export(report, "pdf", tmp_path / "hidden", hide_input=True)
    assert _drawn(shorter.read_bytes()) < _drawn(data)


def _drawn(pdf: bytes) -> int:
    """How much text its pages show, in operators of PDF."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    shown = 0
    for stream in streams:
        try:
            shown += len(re.findall(rb"T[jJ]", zlib.decompress(stream)))
        except zlib.error:
            continue
    return shown


@pytest.fixture
def no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH without one; the folder it names."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(exports, "BROWSERS", BROWSERS[:5])
    return folder


@pytest.mark.usefixtures("no_browser")
async def test_without_a_browser_the_extra_is_named(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "find_spec", lambda name: None)
    with pytest.raises(FlowbookError) as refused:
        await export(report, "pdf", tmp_path / "out")
    assert str(refused.value) == (
        'A PDF needs Chromium, or the extra flowbook[pdf]: pip install "flowbook[pdf]", then '
        "playwright install chromium"
    )


@pytest.mark.usefixtures("no_browser")
async def test_the_extra_needs_its_browser(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    with pytest.raises(FlowbookError, match="run `playwright install chromium`"):
        await export(report, "pdf", tmp_path / "out")


async def test_a_browser_that_prints_nothing_is_named(
    report: Path, tmp_path: Path, no_browser: Path
) -> None:
    mute = no_browser / "chromium"
    mute.write_text("#!/bin/sh\nexit 0\n")
    mute.chmod(mute.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(FlowbookError) as failed:
        await export(report, "pdf", tmp_path / "out")
    assert str(failed.value) == f"bericht.ipynb could not be printed: {mute} made no PDF"


async def test_a_browser_that_fails_says_why(
    report: Path, tmp_path: Path, no_browser: Path
) -> None:
    broken = no_browser / "chromium"
    broken.write_text("#!/bin/sh\necho 'no display' >&2\nexit 3\n")
    broken.chmod(0o755)
    assert os.environ["PATH"] == str(no_browser)
    with pytest.raises(FlowbookError, match="The export failed: no display"):
        await export(report, "pdf", tmp_path / "out")

"""A notebook as HTML, PDF or script: `python -m flowbook.kernels.export FORMAT IN OUT [--hide-input]`.

A process of its own: nbconvert takes seconds to import and holds the interpreter while it works.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from ..errors import FlowbookError

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PATIENCE = 30_000
"""Milliseconds that a page has to load what it asks for, before it is printed as it is."""
FORMATS = ("html", "pdf", "script")


async def export(notebook: Path, format_: str, folder: Path, *, hide_input: bool = False) -> Path:
    """Convert a notebook into a new file of the folder. Raises `FlowbookError`."""
    browser = await asyncio.to_thread(_browser) if format_ == "pdf" else ""
    ending = {"html": ".html", "pdf": ".pdf"}.get(format_) or _ending(notebook)
    target = folder / f"{notebook.stem}{ending}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if format_ != "pdf":
        options = ["--hide-input"] if hide_input else []
        await _run(sys.executable, "-m", __name__, format_, str(notebook), str(target), *options)
        return target
    with tempfile.TemporaryDirectory(prefix="flowbook-pdf-") as scratch:
        page = await export(notebook, "html", Path(scratch), hide_input=hide_input)
        await _run(
            browser,
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            f"--user-data-dir={scratch}/profile",
            "--no-pdf-header-footer",
            f"--timeout={PATIENCE}",
            f"--print-to-pdf={target}",
            page.as_uri(),
        )
    if not target.exists():
        raise FlowbookError(f"{notebook.name} could not be printed: {browser} made no PDF")
    return target


def _browser() -> str:
    """The browser that prints: the machine's, else the one of the extra `pdf`. Raises `FlowbookError`."""
    for name in BROWSERS:
        if (found := shutil.which(name)) is not None:
            return found
    if find_spec("playwright") is None:
        raise FlowbookError(
            'A PDF needs Chromium, or the extra flowbook[pdf]: pip install "flowbook[pdf]", then '
            "playwright install chromium"
        )
    asked = subprocess.run([sys.executable, "-c", _ITS_OWN], capture_output=True, text=True)
    browser = asked.stdout.strip()
    if asked.returncode or not Path(browser).is_file():
        raise FlowbookError(
            "A PDF needs Chromium: install it, or run `playwright install chromium`"
        )
    return browser


_ITS_OWN = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def _ending(notebook: Path) -> str:
    with contextlib.suppress(ValueError, OSError):
        info = json.loads(notebook.read_bytes())["metadata"].get("language_info") or {}
        if isinstance(ending := info.get("file_extension"), str) and ending.startswith("."):
            return ending
    return ".txt"


async def _run(*command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        _, said = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines()
        raise FlowbookError(
            f"The export failed: {lines[-1] if lines else f'exit code {process.returncode}'}"
        )


def convert(format_: str, notebook: Path, target: Path, *, hide_input: bool) -> None:
    """Convert by nbconvert, here and now. Cells tagged `remove-input` or `remove-output` lose that part."""
    from nbconvert.exporters import HTMLExporter, ScriptExporter
    from traitlets.config import Config

    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"remove-input", "hide-input"}
    config.TagRemovePreprocessor.remove_all_outputs_tags = {"remove-output"}
    if format_ == "html":
        config.HTMLExporter.preprocessors = ["nbconvert.preprocessors.TagRemovePreprocessor"]
        exporter = HTMLExporter(config=config, exclude_input=hide_input)
    else:
        exporter = ScriptExporter(config=config)
    text, _ = exporter.from_filename(str(notebook))
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    convert(
        sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), hide_input="--hide-input" in sys.argv
    )

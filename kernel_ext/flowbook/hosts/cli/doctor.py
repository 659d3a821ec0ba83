"""`flowbook doctor`: what is installed, what is missing and how to mend it, what the workspace holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from .commands import examples
from .output import document, with_output

NODE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    said: str
    mend: str = ""
    """The way out when it isn't ok."""
    matters: bool = True
    """Whether flowbook can't work without it."""


@click.command(epilog=examples("flowbook doctor", "flowbook doctor --json"))
@with_output
@click.pass_context
def doctor(context: click.Context, output: str) -> None:
    """Say what is installed, what is missing, and how to mend it.

    Ends with 1 if something is missing that flowbook can't work without.
    """
    found = [*installation(), *workspace()]
    if output != "table":
        names = ("what", "ok", "said", "mend")
        document([{name: getattr(each, name) for name in names} for each in found], output)
    else:
        for each in found:
            mark = "✓" if each.ok else "✕" if each.matters else "▲"
            colour = "green" if each.ok else "red" if each.matters else "yellow"
            click.echo(f"{click.style(mark, fg=colour)} {each.what:<20} {each.said}")
            if each.mend:
                click.echo(f"  {'':<20} {each.mend}")
    context.exit(0 if all(each.ok or not each.matters for each in found) else 1)


def installation() -> Iterator[Finding]:
    """Python, the packages, the extras, the extension of JupyterLab."""
    from importlib.metadata import version

    yield Finding(what="flowbook", ok=True, said=f"{version('flowbook')} in {sys.prefix}")
    yield Finding(what="Python", ok=sys.version_info >= (3, 11), said=sys.version.split()[0])
    for name in ("jupyterlab", "duckdb", "papermill", "ipykernel"):
        yield _package(name)
    yield panel()
    yield server_extension()
    yield demo_extra()


def panel() -> Finding:
    """The extension of JupyterLab, where JupyterLab looks for it."""
    built = panel_folder()
    if built is not None:
        return Finding(what="JupyterLab extension", ok=True, said=str(built))
    return Finding(
        what="JupyterLab extension",
        ok=False,
        matters=False,
        said="not built; flows, magics, CLI and server work without it",
        mend=_panel_mend(),
    )


def panel_folder() -> Path | None:
    """Where the built extension is installed, if it is."""
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("labextensions", "flowbook-lab"):
        if (Path(folder) / "package.json").is_file():
            return Path(folder)
    return None


def _panel_mend() -> str:
    import shutil
    import subprocess

    node = shutil.which("node")
    if node is None:
        return f"Install Node.js {NODE} or newer, then run the same pip install again."
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().lstrip("v").partition(".")[0]
    if major.isdigit() and int(major) < NODE:
        return f"Node.js is {said.strip()}: install {NODE} or newer, then run the same pip install again."
    return (
        "Node.js is here: run the same pip install again with --force-reinstall --no-deps, "
        "and with -v to see what fails."
    )


def server_extension() -> Finding:
    """Whether Jupyter Server is told to load flowbook."""
    from jupyter_core.paths import jupyter_config_path

    for folder in jupyter_config_path():
        for file in sorted((Path(folder) / "jupyter_server_config.d").glob("*.json")):
            if '"flowbook"' in file.read_text():
                return Finding(what="server extension", ok=True, said=str(file))
    return Finding(
        what="server extension",
        ok=False,
        matters=False,
        said="Jupyter Server isn't told to load flowbook",
        mend="Run: jupyter server extension enable flowbook",
    )


def demo_extra() -> Finding:
    """What `flowbook demo` needs besides."""
    from flowbook.demo import missing

    absent = missing()
    return Finding(
        what="extra: demo",
        ok=not absent,
        matters=False,
        said="pandas, matplotlib" if not absent else f"{', '.join(absent)} not installed",
        mend='Run: pip install "flowbook[demo]"' if absent else "",
    )


def _package(name: str) -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Finding(what=name, ok=True, said=version(name))
    except PackageNotFoundError:
        return Finding(what=name, ok=False, said="not installed", mend=f"Run: pip install {name}")


def workspace() -> Iterator[Finding]:
    """The workspace of this folder: where it is, whether it is trusted, what it holds."""
    from flowbook.errors import FlowbookError
    from flowbook.views.words import size
    from flowbook.workspace.place import find
    from flowbook.workspace.trust import is_trusted

    place = find()
    if not place.exists:
        said = f"none yet; the first run or deploy makes one in {place.root}"
        yield Finding(what="workspace", ok=True, said=said)
        return
    yield Finding(what="workspace", ok=True, said=str(place.root))
    trusted = is_trusted(place)
    yield Finding(
        what="trusted",
        ok=trusted,
        matters=False,
        said="flows may be deployed and scheduled" if trusted else "nothing is deployed or fired",
        mend="" if trusted else "Run: flowbook init",
    )
    try:
        place.check()
    except FlowbookError as error:
        yield Finding(what="history", ok=False, said=str(error))
        return
    if place.database.exists():
        held = place.database.stat().st_size
        said = f"{place.database} ({size(held)}); {_counts(place.root)}"
        yield Finding(what="history", ok=True, said=said)
    stored = sum(file.stat().st_size for file in place.storage.rglob("*") if file.is_file())
    yield Finding(what="storage", ok=True, said=f"{place.storage} ({size(stored)})")


def _counts(root: Path) -> str:
    from .workspace import opened

    with opened(root) as ws:
        rows = ws.sql(
            "SELECT (SELECT count(*) FROM executions) AS e, (SELECT count(*) FROM flows) AS f"
        ).fetchall()
    executions, flows = rows[0]
    return f"{executions:,} executions of {flows:,} flows"

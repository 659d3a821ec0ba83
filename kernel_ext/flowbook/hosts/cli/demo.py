"""`flowbook demo`: a first flow, from a download to a report, on data that is shipped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .commands import examples

if TYPE_CHECKING:
    from flowbook.api import Run

FOLDER = "flowbook-demo"


@click.command(
    epilog=examples(
        "flowbook demo",
        "flowbook demo --year 2013",
        "flowbook demo --copy my-first-flow       (only its files, to change and run)",
    )
)
@click.option("--year", default=2015, show_default=True, help="The year the report looks at.")
@click.option(
    "--copy",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Only put the flow, its notebook and its data into DIR.",
)
@click.pass_context
def demo(context: click.Context, year: int, folder: Path | None) -> None:
    """Run a first flow on shipped data: download, Python, a notebook, SQL, a summary.

    The data is Seattle's daily weather from 2012 to 2015 (NOAA). The workspace is the one that
    FLOWBOOK_HOME names, else ./flowbook-demo/.
    """
    from flowbook import demo as shipped

    if folder is not None:
        written = shipped.lay_out(folder)
        click.echo("\n".join(str(each) for each in written) or f"{folder} has the files already.")
        click.echo(f"Next: cd {folder} && flowbook init && flowbook flows deploy flows/")
        return
    if absent := shipped.missing():
        raise click.ClickException(
            f"The demo needs {' and '.join(absent)}, which {'is' if len(absent) == 1 else 'are'} not "
            'installed. They come with the extra demo: pip install "flowbook[demo]"'
        )
    root = _root()
    shipped.lay_out(root)
    context.exit(_carry_out(root, year))


def _root() -> Path:
    """The demo's workspace; one of its own keeps itself out of version control."""
    home = os.environ.get("FLOWBOOK_HOME")
    root = Path(home).expanduser().resolve() if home else Path.cwd() / FOLDER
    root.mkdir(parents=True, exist_ok=True)
    if not home and not (root / ".gitignore").exists():
        (root / ".gitignore").write_text("*\n")
    return root


def _carry_out(root: Path, year: int) -> int:
    from flowbook import demo as shipped
    from flowbook.demo.serving import served

    from .running import shown_from_here
    from .workspace import opened

    click.echo(f"A first flow, in the workspace {root}")
    with served() as url, opened(root) as ws:
        click.echo(f"Its data, Seattle's daily weather 2012 to 2015 (NOAA), is served at {url}\n")
        ws.deploy(root / "flows" / shipped.FLOW)
        run = ws.run(shipped.ID, {"url": url, "year": year}, wait=False)
        shown_from_here(ws, run)
        run = ws.execution(run.id)
        if str(run.state) != "SUCCESS":
            from .showing import print_end

            print_end(ws, run)
            return 1
        _say_results(run)
        _say_places(run, root, year)
    _say_panel()
    return 0


def _say_results(run: Run) -> None:
    from .output import table

    rows = run["seasons"].outputs["rows"]
    click.echo("\nSeasons, from SQL over the notebook's table")
    table(list(rows), list(rows[0]))
    click.echo("")
    for line in run.logs(task="summary"):
        click.echo(line["message"])


def _say_places(run: Run, root: Path, year: int) -> None:
    """Where everything is, and what to try next."""
    from flowbook.workspace.place import Place

    report = root / "reports" / f"weather-report-{run.id[:6]}.ipynb"
    report.parent.mkdir(exist_ok=True)
    report.write_bytes(run["report"].path("notebook").read_bytes())
    near = os.path.relpath
    here = near(root)
    typed = _typed("flowbook")
    again = typed if os.environ.get("FLOWBOOK_HOME") else f"{typed} --workspace {here}"
    click.secho("\nWhere it is", bold=True)
    for name, place in (
        ("flow and notebook", root / "flows"),
        ("executed notebook", report),
        ("history", Place(root).database),
    ):
        click.echo(f"  {name:<18} {near(place)}")
    click.secho("\nWhat to try next", bold=True)
    for command, why in (
        (f"{again} executions get {run.id[:6]}", "the execution, its tree and outputs"),
        (f"{again} sql \"SELECT * FROM outputs('{run.flow}', 'report', 'months')\"", ""),
        (f"{typed} demo --year {2013 if year == 2015 else 2015}", "the same for another year"),
        (f"{_typed('jupyter')} lab {here}", "the executed notebook, with its plots"),
    ):
        click.echo(f"  {command}" + (f"   # {why}" if why else ""))


def _typed(program: str) -> str:
    """The program of this environment as one types it here: by its name, or by its path."""
    import shutil
    import sys

    beside = Path(sys.executable).parent / program
    on_path = shutil.which(program)
    if not beside.exists() or (on_path is not None and Path(on_path).samefile(beside)):
        return program
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)


def _say_panel() -> None:
    from .doctor import panel

    found = panel()
    if not found.ok:
        click.echo(f"\nThe JupyterLab extension is {found.said}.\n{found.mend}")

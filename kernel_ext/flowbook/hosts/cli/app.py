"""`flowbook`: the first command, what all commands share, and how errors are said."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from .commands import Commands, examples

LAZY = {
    "demo": ("demo:demo", "Run a first flow on shipped data, in a folder of its own."),
    "init": ("init:init", "Make a workspace here and trust it."),
    "run": ("running:run", "Run a flow, by id or from a file (short for 'flows run')."),
    "flows": ("flows:flows", "Validate, deploy, list, run, show and export flows."),
    "executions": ("executions:executions", "List executions, follow logs, kill, restart, replay."),
    "logs": ("logs:logs", "Show an execution's log (short for 'executions logs')."),
    "namespaces": ("namespaces:namespaces", "List namespaces."),
    "triggers": ("triggers:triggers", "List triggers, switch them, run dates of the past."),
    "kv": ("kv:kv", "Read and write the key-value store of a namespace."),
    "plugins": ("plugins:plugins", "List the types a flow can use, and show their documentation."),
    "notebooks": ("notebooks:notebooks", "Show a notebook's parameters; schedule a notebook."),
    "kernels": ("kernels:kernels", "Show, make ready and end kernels for notebooks."),
    "sql": ("sql:sql", "Ask history and outputs a question in SQL."),
    "server": ("server:server", "Start the server: schedules, REST and the stream."),
    "doctor": ("doctor:doctor", "Say what is installed, what is missing, and how to mend it."),
    "completion": ("completion:completion", "Print the shell completion for bash, zsh or fish."),
}
SECTIONS = {
    "Start": ("demo", "init", "run"),
    "Work": ("flows", "executions", "logs", "namespaces", "triggers", "kv", "sql"),
    "Notebooks": ("notebooks", "kernels"),
    "Learn and mend": ("plugins", "doctor", "completion"),
    "Serve": ("server",),
}
ALIASES = {
    "flow": "flows",
    "execution": "executions",
    "namespace": "namespaces",
    "trigger": "triggers",
    "plugin": "plugins",
    "notebook": "notebooks",
    "kernel": "kernels",
    "standalone": "server",
}
HELP = """Run declarative YAML flows where notebooks live.

A flow lists tasks; running one is an execution, kept with its logs and outputs in the workspace:
the folder that FLOWBOOK_HOME names, else the nearest one at or above this folder that holds
.flowbook/.
"""


class Flowbook(Commands):
    """The first command: turns every error into one message and an exit code."""

    def main(self, args: Sequence[str] | None = None, **settings: Any) -> Any:  # type: ignore[override]
        given = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in given
        settings["standalone_mode"] = False
        try:
            code = super().main([each for each in given if each != "--debug"], **settings)
        except click.exceptions.Exit as end:
            code = end.exit_code
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("Stopped.", err=True)
            code = 130
        except BrokenPipeError:
            _let_go_of_stdout()
            code = 0
        except Exception as error:
            if debug:
                raise
            code = said(error)
        sys.exit(code if isinstance(code, int) else 0)


def said(error: Exception) -> int:
    """Print an error as a person reads it; its exit code."""
    from flowbook.errors import FlowbookError, InputInvalid

    if isinstance(error, FlowbookError):
        click.echo(str(error) or type(error).__name__, err=True)
        return 2 if isinstance(error, InputInvalid) else 1
    if isinstance(error, OSError):
        click.echo(f"Error: {error}", err=True)
        return 1
    click.echo(
        f"flowbook has a fault: {type(error).__name__}: {error}\n"
        "The same command with --debug shows where; please report it.",
        err=True,
    )
    return 1


def _let_go_of_stdout() -> None:
    """Whoever read us has gone; without this Python complains while it ends."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=Flowbook,
    help=HELP,
    lazy=LAZY,
    aliases=ALIASES,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "flowbook demo                            a first flow, its report and its history",
        "flowbook run flows/etl.yaml -i day=2026-11-21",
        "flowbook executions logs 3fK2… --follow",
        'flowbook sql "SELECT state, count(*) FROM executions GROUP BY ALL"',
    ),
)
@click.version_option(None, "--version", package_name="flowbook", message="flowbook %(version)s")
@click.option(
    "--workspace", metavar="DIR", help="The workspace's folder, instead of FLOWBOOK_HOME."
)
@click.option("-c", "--config", metavar="FILE", help="A configuration file to read.")
@click.option("-l", "--log-level", metavar="LEVEL", help="Show flowbook's own log, from LEVEL on.")
@click.option("-v", "--verbose", is_flag=True, help="The same as --log-level INFO.")
@click.option("--debug", is_flag=True, help="Show tracebacks; may stand anywhere.")
def flowbook(
    workspace: str | None, config: str | None, log_level: str | None, verbose: bool, debug: bool
) -> None:
    """What all commands share."""
    import os

    if workspace:
        os.environ["FLOWBOOK_HOME"] = os.path.abspath(workspace)
    if config:
        os.environ["FLOWBOOK_CONFIG"] = os.path.abspath(config)
    if log_level or verbose:
        import logging

        level = (log_level or "INFO").upper()
        if level not in logging.getLevelNamesMapping():
            raise click.BadParameter(f"{level} is no level: DEBUG, INFO, WARNING or ERROR")
        logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

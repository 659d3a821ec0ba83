"""Groups of commands: imported only when called, and a mistyped name is answered with the right one."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import click


class Commands(click.Group):
    """A group of commands; those in `lazy` are `name: (module:attribute, line of help)`."""

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, tuple[str, str]] | None = None,
        aliases: Mapping[str, str] | None = None,
        sections: Mapping[str, Sequence[str]] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        self.lazy = dict(lazy or {})
        self.aliases = dict(aliases or {})
        self.sections = dict(sections or {})

    def list_commands(self, context: click.Context) -> list[str]:
        return [*self.lazy, *(name for name in self.commands if name not in self.lazy)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        name = self.aliases.get(name, name)
        if name not in self.lazy:
            return super().get_command(context, name)
        module, _, attribute = self.lazy[name][0].partition(":")
        loaded = importlib.import_module(f".{module}", __package__)
        command: click.Command = getattr(loaded, attribute)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(context, name) is None:
            from difflib import get_close_matches

            near = get_close_matches(name, self.list_commands(context), 1)
            said = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"No such command '{name}'.{said}", context)
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(context)
        for title, chosen in (self.sections or {"Commands": names}).items():
            with formatter.section(title):
                formatter.write_dl([(name, self._line(context, name)) for name in chosen])

    def _line(self, context: click.Context, name: str) -> str:
        if name in self.lazy:
            return self.lazy[name][1]
        command = self.get_command(context, name)
        return command.get_short_help_str(90) if command else ""


def group(name: str, help: str, **settings: Any) -> Commands:
    """A group whose help is `help`."""
    return Commands(name, help=help, **settings)


def examples(*lines: str) -> str:
    """The end of a help page: commands to copy, kept line by line."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])

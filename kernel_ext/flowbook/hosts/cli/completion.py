"""`flowbook completion`: ids, types and options by the tab key."""

from __future__ import annotations

import click

from .commands import examples


@click.command(
    epilog=examples(
        'eval "$(flowbook completion bash)"        (in ~/.bashrc)',
        'eval "$(flowbook completion zsh)"         (in ~/.zshrc)',
        "flowbook completion fish > ~/.config/fish/completions/flowbook.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the shell completion for bash, zsh or fish."""
    from click.shell_completion import get_completion_class

    from .app import flowbook

    found = get_completion_class(shell)
    assert found is not None  # the choice above lists what click has
    click.echo(found(flowbook, {}, "flowbook", "_FLOWBOOK_COMPLETE").source())

"""Importing the expression language costs little, and loads nothing that isn't used."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "yaml",
    "jq",
    "zoneinfo",
    "regex",
    "dateutil",
    "cryptography",
    "holidays",
    "asyncio",
    "httpx",
    "duckdb",
)


def loaded(code: str) -> set[str]:
    """The modules of a fresh process after some code."""
    script = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_loads_not_even_jinja() -> None:
    found = loaded("import flowbook.expressions.render")
    assert not found & {*HEAVY, "jinja2"}


def test_a_plain_template_loads_nothing_heavy() -> None:
    found = loaded(
        "from flowbook.expressions.render import Scope, parse, render\n"
        "parse('{{ outputs.a.b }}')\n"
        "assert render('{{ a | upper }}{{ 1 + 1 }}', Scope({'a': 'x'})) == 'X2'"
    )
    assert "jinja2" in found
    assert not found & set(HEAVY)


def test_literals_need_no_jinja() -> None:
    found = loaded(
        "from flowbook.expressions.render import Scope, parse, render\n"
        "assert parse('plain').is_literal and render('plain', Scope({})) == 'plain'"
    )
    assert "jinja2" not in found

"""The README says what the code does today: its blocks are run, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = (
    'python3 -m venv .venv && .venv/bin/pip install ".[demo]" && .venv/bin/flowbook demo',
    'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/pytest',
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, the file it says it is."""

    language: str
    text: str
    file: str | None


BLOCKS = [
    Block(found["language"], found["text"], found["file"])
    for found in re.finditer(
        r"(?:<!-- (?P<file>\S+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)```\n", README, re.DOTALL
    )
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is its own workspace."""
    for name in [name for name in os.environ if name.startswith(("FLOWBOOK_", "JUPYTER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter/config"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter/runtime"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "kernel_ext"))
    monkeypatch.setenv("FLOWBOOK_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=120, check=False
    )


def test_the_first_screen_has_both_commands_to_the_letter() -> None:
    first = README.splitlines()[:30]
    assert [command for command in COMMANDS if command not in first] == []
    assert "notebooks/images/flow-cell.png" in "\n".join(first)


def test_links_and_pictures_are_there() -> None:
    targets = re.findall(r"\]\(((?!https?:)[^)#]+)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_hatch_scripts_are_there() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["envs"][
        "default"
    ]["scripts"]
    told = re.search(r"`hatch run (\w+)`, ((?:`\w+`(?:, |\.))+)", README)
    assert told is not None
    assert {told[1], *re.findall(r"`(\w+)`", told[2])} <= set(scripts)


@pytest.mark.slow
def test_console_blocks_are_what_commands_print(place: Path) -> None:
    magic = next(block.text for block in BLOCKS if block.text.startswith("%%flow"))
    assert _run(["-m", "flowbook", "init"]).returncode == 0
    (place / "flows/hello.yaml").write_text(magic.partition("\n")[2])
    python = next(block.text for block in BLOCKS if block.language == "python")
    (place / "squares.py").write_text(python)
    printed = _run(["squares.py"])
    expected = next(block.text for block in BLOCKS if block.language == "text")
    assert printed.stdout == expected, printed.stderr
    for block in BLOCKS:
        if block.file is not None:
            target = place / block.file
            target.write_text(block.text)
        if block.language == "console":
            _check_console(block.text)
        if block.file is not None and block.language == "console":
            target.unlink()


def _check_console(text: str) -> None:
    """Every command of a block succeeds, or prints what stands under it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, expected = part.partition("\n")
        words = shlex.split(line)
        assert words[0] == "flowbook"
        done = _run(["-m", "flowbook", *words[1:]])
        if expected.strip():
            assert done.stdout == expected
        else:
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_the_first_flow_says_what_it_promises(place: Path) -> None:
    from flowbook.flows.parse import parse

    magic = next(block.text for block in BLOCKS if block.text.startswith("%%flow"))
    flow = parse(magic.partition("\n")[2])
    assert [task.id for task in flow.tasks] == ["count", "greet"]

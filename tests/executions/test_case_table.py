"""`tests/cases/README.md` names what shows what: everything it names exists, and it names every case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
TABLE = TESTS / "cases" / "README.md"
ROWS = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")]
NAMED = list(
    dict.fromkeys(re.findall(r"`([\w./:-]+)`", "\n".join(row.rsplit("|", 2)[1] for row in ROWS)))
)


@pytest.mark.parametrize("name", NAMED)
def test_what_the_table_names_exists(name: str) -> None:
    file, _, test = name.partition("::")
    if test:
        assert f"def {test}(" in (TESTS.parent / file).read_text()
    elif name.startswith("invalid/"):
        assert (TESTS / "flows" / f"{name}.yaml").exists()
    else:
        assert (TESTS / "cases" / f"{name}.yaml").exists()


def test_the_table_names_every_case() -> None:
    cases = {path.stem for path in (TESTS / "cases").glob("*.yaml")}
    assert cases - set(NAMED) == set()

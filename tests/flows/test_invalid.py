"""Every invalid flow gives exactly the message that stands beside it; `pytest --update` writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbook.errors import FlowInvalid
from flowbook.flows.parse import parse

INVALID = sorted(Path(__file__).with_name("invalid").glob("*.yaml"))


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_the_message_is_the_one_beside_it(path: Path, request: pytest.FixtureRequest) -> None:
    with pytest.raises(FlowInvalid) as refused:
        parse(path.read_text(), path.name)
    golden = path.with_suffix(".txt")
    if request.config.getoption("--update"):
        golden.write_text(f"{refused.value}\n")
    assert f"{refused.value}\n" == golden.read_text()


def test_no_message_is_left_over() -> None:
    messages = {path.stem for path in INVALID[0].parent.glob("*.txt")}
    assert messages == {path.stem for path in INVALID}

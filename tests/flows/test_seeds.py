"""The flows of the documents this language was first written down in: all of them are accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbook.flows.parse import examine, is_flow
from flowbook.flows.topology import topology

SEEDS = sorted(Path(__file__).with_name("seeds").glob("*.yaml"))
DRAFTS = {"architecture-09-data-pipeline", "architecture-14-production-pipeline"}


def test_all_of_them_are_here() -> None:
    assert len(SEEDS) == 61


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_it_is_accepted_and_every_remark_has_its_place(path: Path) -> None:
    text = path.read_text()
    flow, problems = examine(text, path.name)
    assert [problem for problem in problems if problem.is_error] == []
    assert flow is not None
    assert flow.source == text
    assert [problem for problem in problems if problem.span is None] == []
    assert flow.is_draft == (path.stem in DRAFTS)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_it_means_to_be_a_flow_and_can_be_drawn(path: Path) -> None:
    text = path.read_text()
    flow, _ = examine(text)
    assert is_flow(text)
    assert flow is not None
    assert topology(flow)["children"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("architecture-24-customer-lifetime-value", [156]),
        ("etl-06-extract-stripe-payments", [106]),
        ("etl-11-transform-stripe-payments", [19]),
        ("etl-20-backup-flows", [24, 24]),
        ("patterns-09-update-profile-read-model", [49]),
    ],
)
def test_what_was_mended_is_a_warning_with_its_line(name: str, lines: list[int]) -> None:
    path = next(path for path in SEEDS if path.stem == name)
    _, problems = examine(path.read_text(), path.name)
    assert [p.line for p in problems if p.message.startswith("Mended")] == lines


def test_a_map_with_template_lines_becomes_a_template() -> None:
    path = next(path for path in SEEDS if path.stem == "etl-11-transform-stripe-payments")
    flow, _ = examine(path.read_text())
    assert flow is not None
    assert "{% for data_type" in str(flow.task("load_and_transform").input_files)  # type: ignore[attr-defined]

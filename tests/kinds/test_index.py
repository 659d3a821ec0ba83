"""The index of parts is as fresh as the files, and what it names can be imported."""

from __future__ import annotations

import pytest

from flowbook.kinds.find import find, index
from flowbook.kinds.index import scan
from flowbook.kinds.missing import is_missing
from flowbook.kinds.part import type_name


def test_the_index_is_fresh() -> None:
    assert index() == scan(), "run: python -m flowbook.kinds.index"


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, names in index()["types"].items() for name in names],
)
def test_every_type_is_where_its_name_says(kind: str, name: str) -> None:
    part = find(kind, name)
    assert part is not None
    assert part.kind == kind
    assert type_name(part) == name


def test_a_known_type_has_a_class_that_stands_in() -> None:
    name = "io.kestra.plugin.dagster.Run"
    part = find("task", name)
    assert part is not None
    assert is_missing(part.model_validate({"id": "x", "type": name, "anything": [1]}))
    assert find("task", "io.kestra.plugin.nobody.Knows") is None


def test_names_are_found_in_any_case_and_short() -> None:
    log = find("task", "io.kestra.plugin.core.log.Log")
    assert find("task", "IO.Kestra.Plugin.core.log.LOG") is log
    assert find("task", "log.Log") is log
    assert find("input", "BOOLEAN") is find("input", "bool")

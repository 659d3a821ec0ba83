"""What a parameters cell declares, and which values fit it."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from flowbook.kernels.notebook import load
from flowbook.kernels.parameters import ParametersInvalid, check, inspect
from flowbook.kernels.translate import Table, source_of

from .conftest import notebook

CELL = """# what to train
alpha = 0.5  # learning rate
n: int = 3
name: str
flags = []
opts = {}
on = False
day = None
%matplotlib inline
word = 'x'  # type: str
"""


def checked(folder: Path, source: str = CELL, /, **given: Any) -> dict[str, Any]:
    path = folder / "train.ipynb"
    path.write_text(json.dumps(notebook({"source": source, "tags": ["parameters"]})))
    return dict(check(load(path), given).values)


def test_names_types_defaults_and_comments() -> None:
    found = inspect(CELL)
    assert found is not None
    assert [(p.name, p.type, p.default, p.comment) for p in found] == [
        ("alpha", "float", "0.5", "learning rate"),
        ("n", "int", "3", ""),
        ("name", "str", None, ""),
        ("flags", "list", "[]", ""),
        ("opts", "dict", "{}", ""),
        ("on", "bool", "False", ""),
        ("day", None, "None", ""),
        ("word", "str", "'x'", ""),
    ]


@pytest.mark.parametrize(
    ("name", "given", "seen"),
    [
        ("alpha", 1, 1.0),
        ("alpha", "0.7", 0.7),
        ("n", "4", 4),
        ("n", 4.0, 4),
        ("n", "4.0", 4),
        ("flags", "[1, 2]", [1, 2]),
        ("flags", [1], [1]),
        ("opts", '{"a": 1}', {"a": 1}),
        ("on", "true", True),
        ("on", False, False),
        ("day", "2025-03-01", "2025-03-01"),
        ("alpha", None, None),
        ("word", 5, "5"),
    ],
)
def test_a_value_that_fits(tmp_path: Path, name: str, given: Any, seen: Any) -> None:
    found = checked(tmp_path, **{"name": "a", name: given})[name]
    assert (found, type(found)) == (seen, type(seen))


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("alpha", "x", "Parameter 'alpha' of train.ipynb must be a float, but received 'x'"),
        ("alpha", True, "Parameter 'alpha' of train.ipynb must be a float, but received True"),
        ("n", 4.5, "Parameter 'n' of train.ipynb must be an int, but received 4.5"),
        ("n", "1e400", "Parameter 'n' of train.ipynb must be an int, but received '1e400'"),
        ("on", "no", "Parameter 'on' of train.ipynb must be a bool, but received 'no'"),
        ("on", 1, "Parameter 'on' of train.ipynb must be a bool, but received 1"),
        ("flags", "{}", "Parameter 'flags' of train.ipynb must be a list, but received '{}'"),
        (
            "beta",
            1,
            "train.ipynb has no parameter 'beta'; it has alpha, n, name, flags, opts, on, day, word",
        ),
    ],
)
def test_a_value_that_does_not_fit(tmp_path: Path, name: str, given: Any, message: str) -> None:
    with pytest.raises(ParametersInvalid) as error:
        checked(tmp_path, **{"name": "a", name: given})
    assert str(error.value) == message


def test_all_problems_are_one_message(tmp_path: Path) -> None:
    with pytest.raises(ParametersInvalid) as error:
        checked(tmp_path, alpha="x", beta=1)
    assert str(error.value).splitlines() == [
        "Parameter 'alpha' of train.ipynb must be a float, but received 'x'",
        "train.ipynb has no parameter 'beta'; it has alpha, n, name, flags, opts, on, day, word",
        "Parameter 'name' of train.ipynb has no value",
    ]


def test_ellipsis_asks_for_a_value(tmp_path: Path) -> None:
    with pytest.raises(ParametersInvalid, match=r"Parameter 'key' of train\.ipynb has no value"):
        checked(tmp_path, "key = ...")


def test_too_large_a_value_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(ParametersInvalid, match="larger than 1 MiB: hand it over as a file"):
        checked(tmp_path, "data = None", data="x" * (1024 * 1024 + 1))


def test_without_a_parameters_cell_anything_is_injected_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps(notebook("1")))
    found = check(load(path), {"beta": 1})
    assert found.values == {"beta": 1}
    assert found.warnings == ("train.ipynb has no cell tagged 'parameters'",)


def test_python_source_is_what_papermill_writes() -> None:
    from papermill.translators import PythonTranslator

    values = {
        "a": 1,
        "b": 0.5,
        "c": "x'y\"z\n",
        "d": None,
        "e": [1, "two", {"three": True}],
        "f": float("inf"),
        "g": float("nan"),
        "h": "it's",
        "i": "plain",
        "é": "ß",
    }
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    exec(source_of(values, "python"), ours)
    exec(PythonTranslator.codify(values, "Parameters"), theirs)
    assert repr([ours[name] for name in values]) == repr([theirs[name] for name in values])
    assert source_of({"i": "plain", "b": 0.7}, "python") == '# Parameters\ni = "plain"\nb = 0.7\n'


def test_dates_and_tables_in_python() -> None:
    table = Table(Path("/x/t.parquet"), "kestra:///t", 2, ("a",))
    values = {
        "day": datetime.date(2025, 3, 1),
        "wait": datetime.timedelta(minutes=5),
        "sales": table,
    }
    found: dict[str, Any] = {}
    exec(source_of(values, "python"), found)
    assert (found["day"], found["wait"]) == ("2025-03-01", "PT5M")
    assert (found["sales"].uri, found["sales"].rows, found["sales"].columns) == (
        "kestra:///t",
        2,
        ["a"],
    )

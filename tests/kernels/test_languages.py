"""The cell of injected parameters in every language that papermill translates."""

from __future__ import annotations

import datetime
import json
import math
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flowbook.kernels.languages import NoTranslator
from flowbook.kernels.prepared import prepare
from flowbook.kernels.translate import Table, source_of

from .conftest import Runner

NASTY = 'é "q" $(touch x) `b` \\ it\'s\nnew'
VALUES: dict[str, Any] = {
    "text": NASTY,
    "n": 3,
    "x": 0.5,
    "on": True,
    "day": datetime.date(2025, 3, 1),
    "took": datetime.timedelta(minutes=5),
    "sales": Table(Path("/data/s.parquet"), "kestra:///s", 1, ("a",)),
    "flags": [1, "two"],
}
NONE = {"none": None}
MAP = {"opts": {"a": 1, "b c": [True]}}
SHOWN = r'"é \"q\" $(touch x) `b` \\ it' + "'" + r's\nnew"'


@pytest.mark.parametrize(
    ("kernel", "language", "values", "source"),
    [
        pytest.param(
            "ir",
            "R",
            VALUES | NONE | MAP,
            f"""\
# Parameters
text = {SHOWN}
n = 3
x = 0.5
on = TRUE
day = "2025-03-01"
took = "PT5M"
sales = "/data/s.parquet"
flags = list(1, "two")
none = NULL
opts = list("a" = 1, "b c" = list(TRUE))
""",
            id="R",
        ),
        pytest.param(
            "julia-1.11",
            "julia",
            VALUES | NONE | MAP,
            f"""\
# Parameters
text = {SHOWN.replace("$", chr(92) + "$")}
n = 3
x = 0.5
on = true
day = "2025-03-01"
took = "PT5M"
sales = "/data/s.parquet"
flags = [1, "two"]
none = nothing
opts = Dict("a" => 1, "b c" => [true])
""",
            id="Julia",
        ),
        pytest.param(
            "scala",
            "scala",
            VALUES | NONE | MAP,
            f"""\
// Parameters
val text = {SHOWN}
val n = 3
val x = 0.5
val on = true
val day = "2025-03-01"
val took = "PT5M"
val sales = "/data/s.parquet"
val flags = Seq(1, "two")
val none = None
val opts = Map("a" -> 1, "b c" -> Seq(true))
""",
            id="Scala",
        ),
        pytest.param(
            ".net-csharp",
            "C#",
            VALUES | MAP,
            f"""\
// Parameters
var text = {SHOWN};
var n = 3;
var x = 0.5;
var on = true;
var day = "2025-03-01";
var took = "PT5M";
var sales = "/data/s.parquet";
var flags = new [] {{ 1, "two" }};
var opts = new Dictionary<string,Object>{{ {{ "a" , 1 }}, {{ "b c" , new [] {{ true }} }} }};
""",
            id="C#",
        ),
        pytest.param(
            ".net-fsharp",
            "F#",
            VALUES | NONE | MAP,
            f"""\
(* Parameters *)
let text = {SHOWN}
let n = 3
let x = 0.5
let on = true
let day = "2025-03-01"
let took = "PT5M"
let sales = "/data/s.parquet"
let flags = [ 1; "two" ]
let none = None
let opts = [ ("a", 1 :> IComparable); ("b c", [ true ] :> IComparable) ] |> Map.ofList
""",
            id="F#",
        ),
        pytest.param(
            ".net-powershell",
            "PowerShell",
            VALUES | NONE | MAP,
            """\
# Parameters
$text = 'é "q" $(touch x) `b` \\ it''s
new'
$n = 3
$x = 0.5
$on = $True
$day = '2025-03-01'
$took = 'PT5M'
$sales = '/data/s.parquet'
$flags = @(1, 'two')
$none = $Null
$opts = @{'a' = 1
 'b c' = @($True)}
""",
            id="PowerShell",
        ),
        pytest.param(
            "matlab",
            "matlab",
            VALUES | NONE | MAP,
            """\
% Parameters
text = "é ""q"" $(touch x) `b` \\ it's" + newline + "new";
n = 3;
x = 0.5;
on = true;
day = "2025-03-01";
took = "PT5M";
sales = "/data/s.parquet";
flags = {1, "two"};
none = NaN;
opts = containers.Map({'a', 'b c'}, {1, {true}});
""",
            id="MATLAB",
        ),
        pytest.param(
            "bash",
            "bash",
            VALUES | NONE,
            """\
# Parameters
text='é "q" $(touch x) `b` \\ it'"'"'s
new'
n=3
x=0.5
on=true
day=2025-03-01
took=PT5M
sales=/data/s.parquet
flags=(1 two)
none=
""",
            id="bash",
        ),
    ],
)
def test_the_injected_cell(kernel: str, language: str, values: dict[str, Any], source: str) -> None:
    assert source_of(values, language, kernel) == source


def test_bash_reads_what_was_given() -> None:
    source = source_of({"text": NASTY, "flags": ["a b", "c"]}, "bash")
    done = subprocess.run(
        ["bash", "-c", source + 'printf "%s|%s|%s" "$text" "${#flags[@]}" "${flags[0]}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{NASTY}|2|a b"


@pytest.mark.parametrize(
    ("language", "kernel", "shown"),
    [
        ("R", "ir", ["NaN", "Inf", "-Inf"]),
        ("julia", "julia-1.11", ["NaN", "Inf", "-Inf"]),
        ("F#", ".net-fsharp", ["nan", "infinity", "-infinity"]),
        ("scala", "scala", [f"Double.{n}" for n in ("NaN", "PositiveInfinity")]),
        ("C#", "anything", ["double.NaN;", "double.PositiveInfinity;"]),
    ],
)
def test_what_is_no_number(language: str, kernel: str, shown: list[str]) -> None:
    values = dict(zip("abc", (math.nan, math.inf, -math.inf), strict=True))
    lines = source_of(values, language, kernel).splitlines()[1:]
    assert [line.partition(" = ")[2] for line in lines][: len(shown)] == shown


@pytest.mark.parametrize(
    ("language", "value", "said"),
    [
        ("C#", None, "it is or holds null"),
        ("bash", {"a": 1}, "it is or holds a map"),
        ("bash", [[1]], "it is or holds a list of lists, maps or nulls"),
    ],
)
def test_a_value_that_a_language_has_no_words_for(language: str, value: Any, said: str) -> None:
    with pytest.raises(NoTranslator) as refused:
        source_of({"ok": 1, "odd": value}, language)
    assert str(refused.value) == (
        f"Parameter 'odd' can't be handed to a notebook of language '{language}': {said}"
    )


@pytest.mark.parametrize("language", ["ruby", "go", "javascript", "cobol"])
@pytest.mark.parametrize("given", [True, False], ids=["given", "none"])
def test_any_other_kernel_takes_none(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, language: str, given: bool
) -> None:
    spec = runner.folder / "kernels" / "other"
    spec.mkdir(parents=True)
    said = {"argv": ["other", "{connection_file}"], "display_name": "O", "language": language}
    (spec / "kernel.json").write_text(json.dumps(said))
    monkeypatch.setenv("JUPYTER_PATH", str(runner.folder))
    parameters = {"a": 1} if given else {}
    task = runner.task("1", kernel="other", parameters=parameters)
    if given:
        with pytest.raises(NoTranslator) as refused:
            prepare(task)
        assert str(refused.value) == (
            f"A notebook of language '{language}' takes no parameters: they can be handed to "
            "Python, R, Scala, Julia, MATLAB, C#, F#, PowerShell, bash"
        )
    else:
        assert prepare(task).language == language

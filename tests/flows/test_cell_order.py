"""What cells read and write, and the order that follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbook.flows.cell_names import names_of
from flowbook.flows.cell_order import Order, Placed, ordered


def order(*cells: str, **after: tuple[str, ...]) -> Order:
    """The order of cells named a, b, c … after their place."""
    names = "abcdefgh"
    return ordered(
        [Placed(id=names[i], code=code, after=after.get(names[i])) for i, code in enumerate(cells)]
    )


def edges(*cells: str, **after: tuple[str, ...]) -> list[str]:
    return [str(edge) for edge in order(*cells, **after).edges]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("df = read()", "print(len(df))", ["a → b, by df"], id="variable"),
        pytest.param("def f(x): return x", "f(3)", ["a → b, by f"], id="function"),
        pytest.param("x = 1", "x = 2", ["a → b, by x"], id="same name"),
        pytest.param("import numpy as np", "np.ones(3)", ["a → b, by np"], id="import"),
        pytest.param("a = 1", "b = 2", [], id="nothing in common"),
        pytest.param(
            "%run other.py",
            "b = 2",
            [
                "a → b, in the order of first run, since nobody can tell what `%run other.py` in a reads or writes"
            ],
            id="magic",
        ),
        pytest.param(
            "b = 2",
            "globals()['c'] = 3",
            [
                "a → b, in the order of first run, since nobody can tell what `globals(…)` in b reads or writes"
            ],
            id="globals",
        ),
        pytest.param("print(len(df))", "df = read()", ["b → a, by df"], id="reader ran first"),
        pytest.param("import os\nx = 1", "import os\nos.getpid()", [], id="both import the same"),
        pytest.param("df = read()", "df['y'] = 2", ["a → b, by df"], id="changed in place"),
        pytest.param(
            "df = clean(df)", "df = read()", ["b → a, by df"], id="changes what is made below"
        ),
        pytest.param("rows = []", "rows.append(1)", ["a → b, by rows"], id="method that changes"),
        pytest.param("n = 0", "n += 1", ["a → b, by n"], id="augmented"),
        pytest.param(
            "def f(): return g()", "def g(): return f()", ["a → b, by f"], id="each calls the other"
        ),
    ],
)
def test_edges_of_two_cells(first: str, second: str, expected: list[str]) -> None:
    assert edges(first, second) == expected


@pytest.mark.parametrize(
    ("code", "reads", "writes"),
    [
        ("x = 1\nprint(x)", set(), {"x"}),
        ("print(x)\nx = 1", {"x"}, {"x"}),
        ("[y for y in ys if y > low]", {"ys", "low"}, set()),
        ("def f(a, *b, c=d, **e):\n    g = a + h\n    return [g, f]", {"d", "h"}, {"f"}),
        ("def f():\n    return later\nlater = 1", set(), {"f", "later"}),
        ("def f():\n    global n\n    n = m", {"m"}, {"f", "n"}),
        ("class A(B):\n    x = 1\n    y = x + k\n    def m(self): return x", {"B", "k", "x"}, {"A"}),
        ("for i in rows:\n    total = i", {"rows"}, {"i", "total"}),
        ("with open(p) as f:\n    text = f.read()", {"p"}, {"f", "text"}),
        ("try:\n    1\nexcept E as e:\n    print(e)", {"E"}, set()),
        ("if (n := size(x)) > 1: pass", {"size", "x"}, {"n"}),
        ("match cmd:\n    case [first, *rest]: pass\n    case {'k': v, **more}: pass", {"cmd"}, {"first", "rest", "v", "more"}),
        ("import a.b\nfrom c import d as e", set(), {"a", "e"}),
        ("x: int\ny: T = z", {"T", "z"}, {"y"}),
        ("del gone", {"gone"}, {"gone"}),
        ("await fetch(url)", {"fetch", "url"}, set()),
        ("here = %pwd\nfiles = !ls {folder} $more\n%time fit(model)", {"folder", "more", "fit", "model"}, {"here", "files"}),
        ("%%time\nslow = work()", {"work"}, {"slow"}),
        ("%%capture said\nprint(x)", {"x"}, {"said"}),
        ("%matplotlib inline\ndf.plot?\nplot(df)", {"plot", "df"}, set()),
        ("f = lambda k: k + scale", {"scale"}, {"f"}),
        ("cfg.rate = 3", {"cfg"}, {"cfg"}),
        ("print(f'{name!r:>{width}}')", {"name", "width"}, set()),
    ],
)  # fmt: skip
def test_names_of_a_cell(code: str, reads: set[str], writes: set[str]) -> None:
    found = names_of(code)
    assert (set(found.reads), set(found.writes), found.unseen) == (reads, writes, "")


@pytest.mark.parametrize(
    ("code", "unseen"),
    [
        ("from m import *", "from m import *"),
        ("exec(text)", "exec(…)"),
        ("%%bash\nls", "%%bash"),
        ("get_ipython().run_line_magic('run', 'x.py')", "get_ipython().run_line_magic(…)"),
        ("x x", "code that can't be read"),
    ],
)
def test_what_nobody_can_look_into(code: str, unseen: str) -> None:
    assert names_of(code).unseen == unseen


def test_a_reader_runs_before_its_name_is_written_again() -> None:
    assert edges("x = 1", "print(x)", "x = 2", "y = x") == [
        "a → c, by x",
        "a → b, by x",
        "b → c, by x",
        "c → d, by x",
    ]
    assert order("print(x)", "y = x", "x = 1").ids == ("c", "a", "b")


def test_what_a_method_changes_is_read_after_it() -> None:
    assert edges("model = make()", "print(model)", "model.fit(x)", "model.predict(y)") == [
        "a → c, by model",
        "a → b, by model",
        "b → c, by model",
        "c → d, by model",
    ]
    assert edges("df = read()", "df.drop('x', inplace=True)", "df")[-1] == "b → c, by df"


def test_a_function_of_a_module_changes_no_module() -> None:
    assert edges("import numpy as np", "np.append(a, 1)", "np.ones(3)") == [
        "a → b, by np",
        "a → c, by np",
    ]


def test_what_is_said_replaces_what_follows_from_names() -> None:
    cells = ("x = 1", "y = 2", "print(x)")
    assert edges(*cells, c=("b",)) == ["b → c, as it says"]
    assert edges(*cells, c=()) == []
    assert order("x = 1", "y = 2", a=("b",), b=("a",)).circle == ("a", "b")


def test_names_that_no_other_cell_defines_are_told() -> None:
    assert order("frame = []", "sum(fram)", "df = clean(df)").undefined == {
        "b": ("fram",),
        "c": ("clean", "df"),
    }
    assert order("%run setup.py", "sum(fram)").undefined == {}


LINES = st.lists(
    st.tuples(st.sampled_from("wxyz"), st.sampled_from(["{} = 1", "print({})", "{} += 1", "def {}(): pass"])),
    min_size=1,
    max_size=3,
)  # fmt: skip
CELLS = st.lists(
    LINES.map(lambda lines: "\n".join(line.format(name) for name, line in lines)), max_size=8
)


@given(CELLS)
def test_every_edge_leads_down(cells: list[str]) -> None:
    found = order(*cells)
    place = {name: number for number, name in enumerate(found.ids)}
    assert found.circle == ()
    assert sorted(found.ids) == sorted("abcdefgh"[: len(cells)])
    assert all(place[edge.before] < place[edge.after] for edge in found.edges)

"""The checked-in bundle is the one its sources make, and draws what Python draws."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from flowbook.views import svg, widget
from flowbook.views.run import RunView
from flowbook.views.topology import Graph, graph

LAB = Path(__file__).parents[2] / "labextension"
STYLES = ("tokens.css", "components.css", "run.css", "widget.css")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node isn't installed")


def test_bundle_is_fresh() -> None:
    digest = sha256()
    for path in (*sorted((LAB / "src/views/run").iterdir()), *(LAB / "style" / s for s in STYLES)):
        digest.update(path.read_bytes())
    stamp = f"/* flowbook, made by labextension/widget.mjs from {digest.hexdigest()} */"
    assert [widget.esm().split("\n")[0], widget.css().split("\n")[0]] == [stamp, stamp], (
        "run: cd labextension && jlpm build:widget"
    )


DRAW = """
import { readFileSync } from 'node:fs';
const { graph, symbols } = await import(process.argv[2]);
const cases = JSON.parse(readFileSync(0, 'utf8'));
const drawn = cases.map(([rows, now, name, closed]) => graph(rows, now, name, new Set(closed)));
process.stdout.write(JSON.stringify({ drawn, symbols: symbols() }));
"""


@pytest.fixture(scope="module")
def browser_draws(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Any]], Any]:
    """What the bundle's `graph` makes of the same rows, in Node."""
    folder = tmp_path_factory.mktemp("node")
    module, script = folder / "widget.mjs", folder / "draw.mjs"
    module.write_text(widget.esm(), encoding="utf-8")
    script.write_text(DRAW, encoding="utf-8")

    def drawn(cases: list[Any]) -> Any:
        done = subprocess.run(
            ["node", str(script), module.as_uri()],
            input=json.dumps(cases),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return drawn


def task(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "core.log.Log", "kind": "task", **more}


def group(id: str, layout: str, children: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "type": "core.flow.Group",
        "kind": "group",
        "layout": layout,
        "children": children,
        **more,
    }


DAG_EDGES = [["a", "c"], ["b", "c"], ["a", "d"], ["c", "e"], ["d", "e"], ["a", "e"]]
TREES: dict[str, dict[str, Any]] = {
    "chain": {
        "children": [
            task("a"),
            task("a-name-much-too-long-for-its-<node>"),
            task("数据清洗任务与报告"),
        ]
    },
    "dag": {
        "children": [group("dag", "dag", [task(i) for i in "abcde"], edges=DAG_EDGES), task("z")]
    },
    "written-dag": {"children": [task(i) for i in "abcde"], "layout": "dag", "edges": DAG_EDGES},
    "cycle": {
        "children": [group("dag", "dag", [task("a"), task("b")], edges=[["a", "b"], ["b", "a"]])]
    },
    "branches": {
        "children": [
            group(
                "if",
                "branches",
                [],
                branches=[
                    {"name": "then", "children": [task("yes"), task("more")]},
                    {"name": "else", "children": [task("no")]},
                ],
            )
        ]
    },
    "wide": {"children": [group("wide", "parallel", [task(f"t{i}") for i in range(19)])]},
    "crowd": {"children": [group("crowd", "parallel", [task(f"t{i}") for i in range(70)])]},
    "tails": {
        "children": [
            group("seq", "chain", [task("a"), task("b")], errors=[task("mend"), task("tell")])
        ],
        "errors": [task("alert")],
        "finally": [task("clean")],
        "afterExecution": [task("notify")],
    },
    "nested": {
        "children": [
            group(
                "p",
                "parallel",
                [group("s", "chain", [task("a"), group("q", "parallel", [task("b"), task("c")])])],
            )
        ]
    },
    "empty": {"children": []},
}


def graphs(view: Callable[..., RunView]) -> list[tuple[str, Graph, float, list[str]]]:
    found: list[tuple[str, Graph, float, list[str]]] = [
        (name, graph(tree, None), 0.0, []) for name, tree in TREES.items()
    ]
    for moment in ("running", "failed", "success"):
        one = view(moment)
        found.append((moment, one.graph, one.now, []))
        found.append((f"{moment}-closed", one.graph, one.now, ["analyse/by_month"]))
    return found


@needs_node
def test_browser_and_python_draw_the_same(
    view: Callable[..., RunView], browser_draws: Callable[[list[Any]], Any]
) -> None:
    cases = graphs(view)
    theirs = browser_draws([[one.to_json(), now, name, closed] for name, one, now, closed in cases])
    ours = {
        name: svg.markup(one, now, name=name, closed=frozenset(closed))
        for name, one, now, closed in cases
    }
    assert dict(zip(ours, theirs["drawn"], strict=True)) == ours
    # icons in one order on both sides
    assert theirs["symbols"] == "".join(svg.symbols().values())


def test_lock_file_names_no_registry() -> None:
    assert "://" not in (LAB / "yarn.lock").read_text()

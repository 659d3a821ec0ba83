"""The types, listed and described; what doctor says."""

from __future__ import annotations

import re

import pytest

from flowbook.kinds.describe import describe, types_of

from .conftest import Terminal


@pytest.mark.parametrize(("kind", "name"), list(types_of()), ids=lambda value: value)
def test_every_part_has_a_page(kind: str, name: str) -> None:
    from flowbook.views.pages import page, short

    found = describe(name, kind)
    assert found is not None
    text = page(found)
    assert text.startswith(f"# {short(found)}\n\n`{name}`\n\n")
    assert found.title


def test_doc_shows_properties_and_an_example(flowbook: Terminal) -> None:
    done = flowbook("plugins", "doc", "log.Log")
    assert done.returncode == 0
    assert "- `message` (text or list of text; required; rendered): What to write" in done.stdout
    assert "```yaml" in done.stdout


@pytest.mark.parametrize("name", ["LoopUntil", "waitfor", "io.kestra.plugin.core.flow.WaitFor"])
def test_an_older_name_has_the_page_of_the_type(name: str) -> None:
    found = describe(name)
    assert found is not None
    assert found.type == "io.kestra.plugin.core.flow.LoopUntil"


def test_an_unknown_type_is_answered_with_the_near_ones(flowbook: Terminal) -> None:
    done = flowbook("plugins", "doc", "Downlod")
    assert done.returncode == 1
    assert "Did you mean io.kestra.plugin.core.http.Download" in done.stderr


def test_list_says_what_types_do(flowbook: Terminal) -> None:
    rows = flowbook.json("plugins", "list", "--kind", "task", "-q", "execution's log")
    assert {"io.kestra.plugin.core.log.Log"} <= {row["type"] for row in rows}


@pytest.mark.slow
def test_pages_and_an_index_of_every_type_are_written(flowbook: Terminal) -> None:
    done = flowbook("plugins", "export-docs", "pages")
    folder = flowbook.folder / "pages"
    written = {path.name for path in folder.iterdir()}
    assert done.stdout == f"{len(written)} pages written to pages\n"
    assert {f"{name}.md" for _, name in types_of()} <= written
    links = set(re.findall(r"\]\(([^)]+)\)", (folder / "index.md").read_text()))
    assert links == written - {"index.md"}
    assert "- `retry` " in (folder / "every-task.md").read_text()
    assert flowbook("plugins", "doc", "pages/").stdout == done.stdout


def test_doctor_says_what_is_there(flowbook: Terminal) -> None:
    found = {row["what"]: row for row in flowbook.json("doctor")}
    assert found["flowbook"]["ok"]
    assert found["duckdb"]["ok"]
    assert found["workspace"]["said"].startswith("none yet")
    panel = found["JupyterLab extension"]
    assert panel["ok"] or "Node.js" in panel["mend"]


@pytest.mark.slow
def test_kernels_are_made_ready_and_ended(flowbook: Terminal) -> None:
    assert flowbook.json("kernels", "list")["standbys"] == 0
    assert flowbook("kernels", "warm").stdout.endswith(" ready\n")
    assert flowbook.json("kernels", "list")["standbys"] > 0
    assert flowbook("kernels", "end", "--all").stdout == "Ended.\n"
    assert flowbook("kernels", "end", "--all").stdout == "There was nothing to end.\n"


def test_stock_kernels_are_made_ready_where_none_is_forked(flowbook: Terminal) -> None:
    flowbook.environment["FLOWBOOK_KERNELS"] = "stock"
    assert flowbook("kernels", "warm").stdout == "2 ready\n"
    said = flowbook("kernels", "list").stdout.splitlines()
    assert said[0].startswith("2 ready, 0 lent, by process ")
    assert said[1].startswith("  2 × python3, ")
    held = flowbook.json("kernels", "list")
    assert (held["standbys"], held["pool"][0]["ready"]) == (0, 2)
    assert flowbook("kernels", "end", "--all").stdout == "Ended.\n"


def test_parameters_of_a_notebook_are_listed(flowbook: Terminal) -> None:
    from flowbook import demo

    rows = flowbook.json("notebooks", "parameters", str(demo.FILES / demo.NOTEBOOK))
    assert [(row["name"], row["default"]) for row in rows] == [("days", "None"), ("year", "2015")]

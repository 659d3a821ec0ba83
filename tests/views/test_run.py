"""A run as data, text and HTML."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from flowbook.views.outputs import links_of, table, to_open
from flowbook.views.progress import progress
from flowbook.views.run import MIME, RunView, run_view
from flowbook.views.text import text, tree

View = Callable[..., RunView]

FAILED = """\
✕ Failed  notebook.seattle-weather  1:06  51 success, 1 failed, 2 not reached
✓ download                    1.1 s  http · 86 kB
✓ clean                       3.4 s  python · 1,461 rows
✕ analyse                      1:02  Parallel · 2 of 2
✕ ├─ report                    1:02  failed in cell 9 of 12 · KeyError: 'Column not found: rain'
✓ └─ by_month                  0:49  ForEach · 48 of 48
  monthly                            sql · not reached
  summary                            log · not reached

report failed in cell 9 of 12: KeyError: 'Column not found: rain'
     2 fig, (top, bottom) = plt.subplots(2, 1, sharex=True)
>    3 bottom.bar(monthly.groups, monthly["rain"].sum())
     4 bottom.set_ylabel("rain, mm")"""


def test_text_of_a_failed_run(view: View) -> None:
    assert text(view("failed")) == FAILED


def test_text_in_ascii(view: View) -> None:
    rows = [str(row) for row in tree(view("failed"), ascii=True)]
    assert rows[3].startswith("x |- report ")
    assert "".join(rows).replace("·", "").isascii()


def test_text_of_a_running_one_is_bounded(rows: dict[str, Any]) -> None:
    many = {
        "children": [{"id": f"t{i}", "kind": "task", "type": "core.log.Log"} for i in range(200)]
    }
    shown = run_view(**{**rows["running"](), "tree": many}).bundle()["text/plain"].split("\n")
    assert (len(shown), shown[-1]) == (62, "  …")


def test_a_failed_run_says_where_and_what_to_open(rows: dict[str, Any]) -> None:
    failed = rows["failed"]()
    uri = "kestra:///notebook/seattle-weather/executions/r/tasks/report/t/report.ipynb"
    outputs = [*failed["outputs"], {"task_run_id": "run-report-", "task_id": "report"}]
    outputs[-1]["outputs"] = {"notebook": uri}
    cells = [dict(cell) for cell in failed["cells"]]
    cells[8]["error"] = {"name": "KeyError", "line": 3, "source": "bottom.bar(monthly.groups)"}
    data = run_view(**{**failed, "outputs": outputs, "cells": cells}).to_json()
    assert data["failure"]["path"] == uri.replace("kestra:///", "flowbook:")
    assert data["at"] == {"title": "report, cell 9, line 3", "code": "bottom.bar(monthly.groups)"}


@pytest.mark.parametrize("uri", [None, "kestra:///a/b.csv", "https:///x.ipynb", "x.ipynb"])
def test_only_stored_notebooks_are_opened(uri: object) -> None:
    assert to_open(uri) == ""


def test_a_list_says_how_far_a_run_is(view: View) -> None:
    standing = progress(view("running"))
    assert str(standing) == "33 of 55 · report, cell 7 of 12 · 1:10 left"
    assert standing is not None
    assert standing.to_json()["estimate"] == 105.0
    assert progress(view("failed")) is None


def test_data_goes_through_json(view: View) -> None:
    data = view("success", variable="weather").to_json()
    assert json.loads(json.dumps(data)) == data
    assert (data["state"], data["facts"], data["variable"]) == (
        "success",
        "55 task runs",
        "weather",
    )


def test_what_runs_now_is_the_cell(view: View) -> None:
    at = view("running").at
    assert at is not None
    assert (at.title, at.code[:14]) == ("report, cell 7", "fig, (top, bot")


def test_an_execution_that_failed_before_any_task_says_why(rows: dict[str, Any]) -> None:
    given = rows["failed"]()
    given["execution"] |= {"error": {"message": "Invalid input `n`: missing"}}
    shown = run_view(**{**given, "task_runs": [], "cells": []})
    assert shown.failure is not None
    assert shown.failure.message == "Invalid input `n`: missing"


def test_a_message_that_begins_with_its_type_says_it_once(rows: dict[str, Any]) -> None:
    given = rows["failed"]()
    error = {"type": "ZeroDivisionError", "message": "ZeroDivisionError: division by zero"}
    given["execution"] |= {"error": error}
    shown = run_view(**{**given, "task_runs": [], "cells": []}).failure
    assert shown is not None
    assert (shown.type, shown.message) == ("ZeroDivisionError", "division by zero")
    assert shown.reason == "ZeroDivisionError: division by zero"


def test_a_failure_without_lines_shows_the_last_log(rows: dict[str, Any]) -> None:
    given = rows["failed"]()
    error = {"type": "TaskFailed", "message": "Command failed with exit code 1"}
    given["task_runs"][-1]["error"] = error
    given["cells"] = []
    logs = [
        {"task_run_id": "run-report-", "message": "\x1b[31mValueError: no luck\x1b[0m"},
        {"task_run_id": "run-clean-", "message": "not this"},
    ]
    shown = run_view(**given, logs=logs).failure
    assert shown is not None
    assert (shown.title, shown.type, shown.traceback) == (
        "report failed",
        "",
        "ValueError: no luck",
    )


class Tags(HTMLParser):
    """All tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("moment", ["running", "failed", "success"])
def test_html_has_only_what_an_untrusted_notebook_keeps(view: View, moment: str) -> None:
    found = Tags(view(moment).bundle()["text/html"])
    assert found.tags <= {
        "div",
        "b",
        "img",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "pre",
    }
    assert found.attributes <= {"style", "alt", "src"}


def test_names_cannot_become_markup(rows: dict[str, Any]) -> None:
    evil = '<script>alert(1)</script>"&'
    given = rows["failed"]()
    given["execution"] |= {"flow_id": evil, "namespace": evil}
    given["tree"] = {"children": [{"id": evil, "type": evil, "kind": "task"}]}
    given["task_runs"] = [{**given["task_runs"][-1], "task_id": evil, "parent_id": None}]
    given["task_runs"][0]["error"] = {"type": evil, "message": evil, "excerpt": evil, "line": 1}
    page = run_view(**given).bundle()["text/html"]
    match = re.search(r"base64,([^\"]+)", page)
    assert match is not None
    svg = base64.b64decode(match[1]).decode()
    assert "script" not in Tags(page).tags | Tags(svg).tags
    assert "&lt;script&gt;" in page
    assert "&lt;scrip" in svg


def test_picture_names_its_colours_itself(view: View) -> None:
    match = re.search(r"base64,([^\"]+)", view("failed").bundle()["text/html"])
    assert match is not None
    svg = base64.b64decode(match[1]).decode()
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", svg))
    assert used <= set(re.findall(r"(--[a-z0-9-]+):", svg))
    assert set(re.findall(r'href="#([^"]+)"', svg)) <= set(re.findall(r'symbol id="([^"]+)"', svg))


def test_table_numbers_have_one_number_of_digits() -> None:
    shown = table("t", [{"a": 1.5, "b": 2, "c": None}, {"a": 183.0, "b": 30_000, "c": "x"}])
    assert shown.rows == (("1.5", "2", ""), ("183.0", "30000", "x"))
    assert shown.numeric == (True, True, False)
    assert shown.note == "2 rows × 3 columns"


def test_files_are_linked_once_latest_first() -> None:
    uri = "kestra:///demo/x/report.ipynb"
    rows = [
        {"task_id": "get", "outputs": {"uri": "kestra:///demo/x/a.csv", "length": 86_000}},
        {"task_id": "report", "outputs": {"notebook": uri, "outputFiles": {"report.ipynb": uri}}},
    ]
    assert [(link.label, link.note, link.kind) for link in links_of(rows)] == [
        ("report/report.ipynb", "executed copy", "notebook"),
        ("get/a.csv", "86 kB", "file"),
    ]


def test_bundle_holds_the_three_forms(view: View) -> None:
    assert list(view("success").bundle()) == [MIME, "text/html", "text/plain"]

"""SQL in SQLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowbook.errors import TaskFailed

from .conftest import Attempt

Run = Callable[..., dict[str, Any]]
QUERY = "jdbc.sqlite.Query"


def test_rows_of_the_last_statement(run_task: Run) -> None:
    sql = "CREATE TABLE t(n, s); INSERT INTO t VALUES (1, 'a;b'), (2, NULL); SELECT * FROM t;"
    outputs = run_task(QUERY, sql=sql, fetch=True)
    assert outputs["rows"] == [{"n": 1, "s": "a;b"}, {"n": 2, "s": None}]


def test_many_rows_are_a_table(run_task: Run) -> None:
    sql = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 500) SELECT n FROM t"
    assert run_task(QUERY, sql=sql, fetchType="FETCH", fetchSize=90)["rows"]["rows"] == 500


def test_a_column_of_several_types_becomes_text(run_task: Run) -> None:
    outputs = run_task(QUERY, sql="SELECT 1 AS v UNION ALL SELECT 'x'", fetch=True)
    assert outputs["rows"] == [{"v": "1"}, {"v": "x"}]


def test_parameters_and_a_file(run_task: Run, attempt: Attempt) -> None:
    url = "jdbc:sqlite:a.sqlite"
    sql = "CREATE TABLE t AS SELECT :n AS n"
    assert run_task(QUERY, url=url, sql=sql, parameters={"n": 7})["rowCount"] >= 0
    assert run_task(QUERY, url=url, sql="SELECT n FROM t", fetchType="FETCH_ONE")["row"] == {"n": 7}
    assert (attempt.workspace_root / "a.sqlite").is_file()


def test_a_failing_statement_leaves_nothing_behind(run_task: Run) -> None:
    url = "jdbc:sqlite:a.sqlite"
    run_task(QUERY, url=url, sql="CREATE TABLE t(n)")
    with pytest.raises(TaskFailed, match="no such table: nowhere"):
        run_task(QUERY, url=url, sql="INSERT INTO t VALUES (1); INSERT INTO nowhere VALUES (1)")
    assert run_task(QUERY, url=url, sql="SELECT * FROM t", fetch=True)["rows"] == []

"""SQL in DuckDB: what comes out, in which form, and how it is stopped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flowbook.errors import TaskFailed

from .conftest import Attempt, outputs_of, task

Run = Callable[..., dict[str, Any]]
QUERY = "jdbc.duckdb.Query"


def test_few_rows_are_a_list(run_task: Run) -> None:
    sql = "SELECT 1 AS n, 'a' AS t, DATE '2025-03-01' AS d, 1.5::DECIMAL(4,2) AS x, NULL AS z, [1, 2] AS l"
    outputs = run_task(QUERY, sql=sql, fetchType="FETCH")
    assert outputs == {
        "size": 1,
        "rowCount": 1,
        "rows": [{"n": 1, "t": "a", "d": "2025-03-01", "x": 1.5, "z": None, "l": [1, 2]}],
    }


def test_many_rows_are_a_table(run_task: Run) -> None:
    outputs = run_task(QUERY, sql="SELECT * FROM range(250) t(n)", fetchType="FETCH", fetchSize=60)
    assert outputs["size"] == 250
    assert outputs["rows"]["rows"] == 250
    assert outputs["rows"]["list"] is True


def test_no_rows_are_an_empty_list(run_task: Run) -> None:
    assert run_task(QUERY, sql="SELECT 1 AS n WHERE false", fetchType="FETCH")["rows"] == []


def test_one_row(run_task: Run) -> None:
    outputs = run_task(QUERY, sql="SELECT n FROM range(3) t(n)", fetchType="FETCH_ONE")
    assert (outputs["row"], outputs["size"]) == ({"n": 0}, 3)


def test_stored_rows_are_json_lines(run_task: Run, attempt: Attempt) -> None:
    outputs = run_task(QUERY, sql="SELECT n FROM range(2) t(n)", fetchType="STORE")
    lines = attempt.stored(outputs["uri"]).splitlines()
    assert [json.loads(line) for line in lines] == [{"n": 0}, {"n": 1}]


def test_fetch_and_store_give_both(run_task: Run) -> None:
    outputs = run_task(QUERY, sql="SELECT 1 AS n", fetch=True, store=True)
    assert outputs["rows"] == [{"n": 1}]
    assert outputs["uri"].startswith("kestra:///")


def test_the_last_of_several_statements_counts(run_task: Run) -> None:
    sql = "CREATE TABLE t AS SELECT 1 AS n; INSERT INTO t VALUES (2), (3); SELECT sum(n)::INT AS s FROM t;"
    assert run_task(QUERY, sql=sql, fetchType="FETCH")["rows"] == [{"s": 6}]


def test_changed_rows_are_counted(run_task: Run) -> None:
    sql = "CREATE TABLE t(n INT); INSERT INTO t VALUES (2), (3)"
    assert run_task(QUERY, sql=sql) == {"size": 0, "rowCount": 2}


def test_parameters_stand_for_names(run_task: Run, attempt: Attempt) -> None:
    attempt.variables["inputs"] = {"who": "O'Hara"}
    sql = "SELECT :who AS who, ':who' AS text, 1::INT AS n -- :who"
    outputs = run_task(
        QUERY, sql=sql, parameters={"who": "{{ inputs.who }}", "unused": 1}, fetchType="FETCH_ONE"
    )
    assert outputs["row"] == {"who": "O'Hara", "text": ":who", "n": 1}


def test_files_are_read_and_written_by_name(run_task: Run, attempt: Attempt) -> None:
    outputs = run_task(
        QUERY,
        inputFiles={"in.csv": "n\n1\n2\n"},
        sql="COPY (SELECT sum(n)::INT AS s FROM 'in.csv') TO 'out.csv' (HEADER); SELECT * FROM 'out.csv'",
        outputFiles=["out.csv"],
        fetchType="FETCH",
    )
    assert outputs["rows"] == [{"s": 3}]
    assert attempt.stored(outputs["outputFiles"]["out.csv"]) == b"s\n3\n"


def test_a_uri_in_the_sql_is_a_file(run_task: Run, attempt: Attempt) -> None:
    uri = asyncio.run(attempt.put(b"n\n5\n", "x.csv"))
    attempt.variables["outputs"] = {"get": {"uri": uri}}
    sql = "SELECT n FROM read_csv('{{ outputs.get.uri }}')"
    assert run_task(QUERY, sql=sql, fetchType="FETCH")["rows"] == [{"n": 5}]


def test_a_database_file_is_kept(run_task: Run, attempt: Attempt) -> None:
    url = "jdbc:duckdb:data.duckdb"
    run_task(QUERY, url=url, sql="CREATE TABLE t AS SELECT 7 AS n")
    assert run_task(QUERY, url=url, sql="SELECT n FROM t", fetch=True)["rows"] == [{"n": 7}]
    assert (attempt.workspace_root / "data.duckdb").is_file()


def test_variables_of_the_host_are_no_tables(run_task: Run) -> None:
    with pytest.raises(TaskFailed, match="Table with name statements does not exist"):
        run_task(QUERY, sql="SELECT * FROM statements", fetchType="FETCH")


def test_an_error_is_duckdbs_own(run_task: Run) -> None:
    with pytest.raises(duckdb.Error) as own:
        duckdb.connect().execute("SELEC 1")
    with pytest.raises(TaskFailed) as failed:
        run_task(QUERY, sql="SELEC 1")
    assert str(failed.value) == str(own.value)
    assert failed.value.kind == "ParserException"


def test_a_missing_file(run_task: Run) -> None:
    with pytest.raises(TaskFailed, match=r'No files found that match the pattern "nowhere\.csv"'):
        run_task(QUERY, sql="SELECT * FROM 'nowhere.csv'")


def test_a_missing_table_may_be_ignored(run_task: Run) -> None:
    outputs = run_task(QUERY, sql="SELECT * FROM nowhere", fetch=True, ignoreMissing=True)
    assert outputs == {"size": 0, "rowCount": 0, "rows": []}


def test_dates_are_in_the_zone_asked_for(run_task: Run) -> None:
    sql = "SELECT TIMESTAMPTZ '2025-01-01 12:00:00+00' AS at"
    outputs = run_task(QUERY, sql=sql, fetch=True, timeZoneId="Asia/Tokyo")
    assert outputs["rows"] == [{"at": "2025-01-01T21:00:00+09:00"}]


def test_special_values_become_json(run_task: Run) -> None:
    sql = "SELECT 'nan'::DOUBLE AS n, '\\xAA'::BLOB AS b, INTERVAL 90 SECOND AS i, MAP {'k': 1} AS m, {'a': 1} AS s, TIMESTAMP_NS '2025-01-01 00:00:00' AS t"
    row = run_task(QUERY, sql=sql, fetch=True)["rows"][0]
    json.dumps(row)
    assert (row["n"], row["b"], row["s"], row["t"]) == (
        None,
        "qg==",
        {"a": 1},
        "2025-01-01T00:00:00",
    )


def test_queries_hand_back_each_result(run_task: Run) -> None:
    outputs = run_task("jdbc.duckdb.Queries", sql="SELECT 1 AS n; SELECT 2 AS n", fetch=True)
    assert [one["rows"] for one in outputs["outputs"]] == [[{"n": 1}], [{"n": 2}]]


def test_cancellation_interrupts_the_query(attempt: Attempt, tmp_path: Path) -> None:
    (tmp_path / "work" / "started.csv").unlink(missing_ok=True)
    sql = "COPY (SELECT 1) TO 'started.csv'; SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(10000000) b(i)"

    async def cancelled() -> None:
        work = asyncio.create_task(outputs_of(task(QUERY, sql=sql, fetch=True), attempt))
        while not (attempt.directory / "started.csv").exists():
            await asyncio.wait([work], timeout=0.01)
            assert not work.done()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(work, 20)

    asyncio.run(cancelled())

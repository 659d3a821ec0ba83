"""Parts inside real flows: what only the engine can show."""

from __future__ import annotations

import contextlib
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import flowbook as fb
from flowbook.plugin.core.namespace.tree import matches
from flowbook.plugin.scripts.process import members

from .conftest import Site

CORE = "io.kestra.plugin.core"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with fb.open(tmp_path_factory.mktemp("workspace"), embedded=True) as workspace:
        yield workspace


@pytest.fixture
def run_flow(workspace: Any, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run tasks as a flow of their own, to its end."""
    namespace = f"tests.{abs(hash(request.node.name))}"

    def run(tasks: str, *, head: str = "", **more: Any) -> Any:
        body = textwrap.indent(textwrap.dedent(tasks).strip(), "  ")
        flow = f"id: trial\nnamespace: {namespace}\n{textwrap.dedent(head)}\ntasks:\n{body}\n"
        return workspace.run(flow, timeout=60, **more)

    return run


Run = Callable[..., Any]


def messages(run: Any) -> list[str]:
    return [line["message"] for line in run.logs()]


def until_paused(run: Any, seconds: float = 20) -> None:
    """Wait until an execution is held; `wait` itself waits for its end."""
    end = time.monotonic() + seconds
    while run.state != "PAUSED":
        assert time.monotonic() < end, run.state
        with contextlib.suppress(TimeoutError):
            run.wait(0.01)


def write(name: str, *lines: str) -> str:
    text = "\\n".join(line.replace('"', '\\"') for line in lines)
    return f'- {{id: {name}, type: {CORE}.storage.Write, content: "{text}"}}'


def shown(run: Any, uri: str) -> list[str]:
    return run.eval(f"{{{{ read({uri}) }}}}").splitlines()


def test_concat_writes_the_separator_after_every_file(run_flow: Run) -> None:
    run = run_flow(f"""
        {write("a", "a")}
        {write("b", "b")}
        - id: both
          type: {CORE}.storage.Concat
          files: "{{{{ [outputs.a.uri, outputs.b.uri] }}}}"
          separator: "\\n"
          extension: .txt
    """)
    assert run.eval("{{ read(outputs.both.uri) }}") == "a\nb\n"
    assert run["both"].outputs["uri"].endswith(".txt")


@pytest.mark.parametrize(
    ("how", "files"),
    [
        ("rows: 2", [["1", "2"], ["3", "4"], ["5"]]),
        ("partitions: 2", [["1", "3", "5"], ["2", "4"]]),
        ("bytes: 4B, rows: 1", [["1", "2"], ["3", "4"], ["5"]]),
    ],
    ids=["rows", "partitions", "bytes first"],
)
def test_split(run_flow: Run, how: str, files: list[list[str]]) -> None:
    run = run_flow(f"""
        {write("file", *"12345")}
        - {{id: split, type: {CORE}.storage.Split, from: "{{{{ outputs.file.uri }}}}", {how}}}
    """)
    count = len(run["split"].outputs["uris"])
    assert [shown(run, f"outputs.split.uris[{n}]") for n in range(count)] == files


def test_split_needs_to_know_how(run_flow: Run) -> None:
    run = run_flow(f"""
        {write("file", "1")}
        - {{id: split, type: {CORE}.storage.Split, from: "{{{{ outputs.file.uri }}}}"}}
    """)
    assert run["split"].error["message"] == "Invalid configuration with no size, count, nor rows"


def test_reverse(run_flow: Run) -> None:
    run = run_flow(f"""
        {write("file", "1", "2", "3")}
        - {{id: turned, type: {CORE}.storage.Reverse, from: "{{{{ outputs.file.uri }}}}"}}
    """)
    assert run.eval("{{ read(outputs.turned.uri) }}") == "3\n2\n1"


ROWS = ('{"id": 1, "v": 1}', '{"id": 2, "v": 2}', '{"id": 1, "v": 3}')


def test_deduplicate_keeps_the_last_of_each_key(run_flow: Run) -> None:
    run = run_flow(f"""
        {write("file", *ROWS)}
        - id: unique
          type: {CORE}.storage.DeduplicateItems
          from: "{{{{ outputs.file.uri }}}}"
          expr: "{{{{ id }}}}"
    """)
    assert shown(run, "outputs.unique.uri") == [ROWS[1], ROWS[2]]


def filtered(more: str) -> str:
    return f"""
        {write("file", *ROWS)}
        - id: kept
          type: {CORE}.storage.FilterItems
          from: "{{{{ outputs.file.uri }}}}"
          {more}
    """


def test_filter_keeps_or_drops(run_flow: Run) -> None:
    run = run_flow(filtered('filterCondition: "{{ v > 1 }}"'))
    assert shown(run, "outputs.kept.uri") == [ROWS[1], ROWS[2]]
    run = run_flow(filtered('filterCondition: "{{ v > 1 }}"\n          filterType: EXCLUDE'))
    assert shown(run, "outputs.kept.uri") == [ROWS[0]]


def test_filter_on_a_field_that_is_missing(run_flow: Run) -> None:
    run = run_flow(filtered('filterCondition: "{{ nowhere > 1 }}"'))
    assert (run.state, "nowhere" in run["kept"].error["message"]) == ("FAILED", True)
    lenient = 'filterCondition: "{{ nowhere > 1 }}"\n          errorOrNullBehavior: EXCLUDE'
    assert run_flow(filtered(lenient))["kept"].outputs["droppedItemsTotal"] == 3


def test_files_of_another_execution_are_not_read(run_flow: Run) -> None:
    first = run_flow(write("file", "mine"))
    uri = first["file"].outputs["uri"]
    run = run_flow(f"- {{id: size, type: {CORE}.storage.Size, uri: '{uri}'}}")
    assert "didn't belong to the current execution" in run["size"].error["message"]


def test_labels_override_and_become_text(run_flow: Run) -> None:
    run = run_flow(
        f"""
        - {{id: mark, type: {CORE}.execution.Labels, labels: {{stage: 2, team: "{{{{ 'x' }}}}"}}}}
        """,
        head="labels: {stage: one}",
    )
    assert {key: run.labels[key] for key in ("stage", "team")} == {"stage": "2", "team": "x"}


def test_labels_of_the_system_are_refused(run_flow: Run) -> None:
    run = run_flow(f"- {{id: mark, type: {CORE}.execution.Labels, labels: {{system.x: '1'}}}}")
    assert (run.state, "System labels" in run["mark"].error["message"]) == ("FAILED", True)


def test_exit_ends_the_execution_in_its_state(run_flow: Run) -> None:
    run = run_flow(f"""
        - id: group
          type: {CORE}.flow.Sequential
          tasks:
            - {{id: leave, type: {CORE}.execution.Exit, state: CANCELED}}
            - {{id: never, type: {CORE}.log.Log, message: never}}
        - {{id: neither, type: {CORE}.log.Log, message: never}}
    """)
    assert run.state == "CANCELLED"
    assert [one.task_id for one in run.task_runs] == ["group", "leave"]


def test_variables_are_merged_deep(run_flow: Run) -> None:
    run = run_flow(
        f"""
        - {{id: a, type: {CORE}.execution.SetVariables, variables: {{m: {{x: 1}}, n: "{{{{ 1 + 1 }}}}"}}}}
        - {{id: b, type: {CORE}.execution.SetVariables, variables: {{m: {{y: 2}}}}}}
        - {{id: c, type: {CORE}.execution.UnsetVariables, variables: [m.x]}}
        - {{id: show, type: {CORE}.debug.Return, format: "{{{{ vars.m }}}} {{{{ vars.n }}}} {{{{ vars.k }}}}"}}
        """,
        head="variables: {k: 5}",
    )
    assert run["show"].outputs["value"] == '{"y":2} 2 5'


def test_variables_that_exist_are_named(run_flow: Run) -> None:
    run = run_flow(
        f"- {{id: a, type: {CORE}.execution.SetVariables, variables: {{k: 1, new: 2}}, overwrite: false}}",
        head="variables: {k: 5}",
    )
    assert run["a"].error["message"] == "Variables exist and `overwrite` is set to `false`: k"


def test_variables_that_are_missing_are_named(run_flow: Run) -> None:
    run = run_flow(f"- {{id: a, type: {CORE}.execution.UnsetVariables, variables: [x, y.z]}}")
    assert run["a"].error["message"] == "No such variables in this execution: x, y.z"


def test_loop_until_gives_up(run_flow: Run) -> None:
    loop = f"""
        - id: loop
          type: {CORE}.flow.LoopUntil
          condition: "{{{{ false }}}}"
          checkFrequency: {{interval: PT0.01S, maxIterations: 3}}
          failOnMaxReached: FAIL
          tasks:
            - {{id: look, type: {CORE}.debug.Return, format: x}}
    """
    run = run_flow(loop.replace("FAIL", "false"))
    assert (run.state, run["loop"].outputs["iterationCount"]) == ("SUCCESS", 3)
    assert "Max iterations reached" in messages(run)
    assert [one.task_id for one in run.task_runs] == ["loop", "look"]
    assert run_flow(loop.replace("FAIL", "true")).state == "FAILED"


def test_a_pause_ends_as_its_behavior_says(run_flow: Run) -> None:
    pause = f"- {{id: hold, type: {CORE}.flow.Pause, delay: PT0.05S, behavior: "
    assert run_flow(pause + "WARN}").state == "WARNING"
    assert run_flow(pause + "FAIL}").state == "FAILED"
    assert run_flow(pause + "CANCEL}").state == "CANCELLED"


def test_a_pause_asks_and_hands_on(workspace: Any, run_flow: Run) -> None:
    run = run_flow(
        f"""
        - id: ask
          type: {CORE}.flow.Pause
          onResume: [{{id: reason, type: STRING}}]
        - {{id: show, type: {CORE}.debug.Return, format: "{{{{ outputs.ask.onResume.reason }}}}"}}
        """,
        wait=False,
    )
    until_paused(run)
    with pytest.raises(fb.InputInvalid):
        workspace.resume(run.id)
    workspace.resume(run.id, {"reason": "fine"})
    run.wait(20)
    assert run["show"].outputs["value"] == "fine"


def test_a_condition_as_a_task(run_flow: Run) -> None:
    run = run_flow(f"""
        - {{id: c, type: {CORE}.condition.Expression, expression: "{{{{ 1 > 2 }}}}"}}
        - {{id: d, type: {CORE}.condition.ExpressionCondition, expression: "{{{{ 1 > 2 }}}}", errorMessage: no}}
    """)
    assert run["c"].outputs == {"value": False}
    assert run["d"].error["message"] == "no"


def test_a_templated_task_must_be_runnable(run_flow: Run) -> None:
    run = run_flow(f"""
        - id: made
          type: {CORE}.templating.TemplatedTask
          spec: "{{type: {CORE}.flow.Sequential, tasks: []}}"
    """)
    assert run["made"].error["message"] == "The templated task must be a runnable task"


def test_the_cache_counts_and_expires(run_flow: Run) -> None:
    cache = f"{CORE}.cache"
    run = run_flow(f"""
        - {{id: up, type: {cache}.Increment, key: n, by: 5, defaultValue: 10}}
        - {{id: down, type: {cache}.Decrement, key: n, by: 100, min: 0}}
        - {{id: gone, type: {cache}.Put, key: short, value: x, ttl: PT0S}}
        - {{id: look, type: {cache}.Get, key: short, defaultValue: [1]}}
        - {{id: text, type: {cache}.Put, key: text, value: plain}}
        - {{id: bad, type: {cache}.Increment, key: text}}
    """)
    values = {one.task_id: (one.outputs or {}).get("value") for one in run.task_runs}
    assert (values["up"], values["down"], values["look"]) == (15, 0, [1])
    assert run["bad"].error["message"] == "The value of 'text' in the cache is no number"


def test_flows_are_made_read_and_exported(run_flow: Run) -> None:
    flow = f"{CORE}.flow"
    run = run_flow(f"""
        - id: make
          type: {flow}.Create
          flow: {{id: made, namespace: tests.made, tasks: [{{id: a, type: {CORE}.log.Log, message: "{{{{ 1 + 1 }}}}"}}]}}
        - {{id: get, type: {flow}.Get, namespace: tests.made, flowId: made}}
        - {{id: out, type: {flow}.Export, namespace: 'tests\\.made'}}
        - id: again
          type: {flow}.Create
          flow: {{id: made, namespace: tests.made, tasks: [{{id: a, type: Log, message: x}}]}}
          allowFailure: true
        - {{id: bad, type: {flow}.Validate, flow: "id: x", allowFailure: true}}
    """)
    assert run["make"].outputs["created"] is True
    assert run["get"].outputs["flow"]["tasks"][0]["message"] == "2"
    assert list(run["out"].outputs["files"]) == ["tests.made.made.yml"]
    assert (
        "exists and `overwrite` is set to `false`" in run["again"].error["message"]
        or run["again"].error
    )
    assert run["bad"].outputs["valid"] is False


def test_namespace_files_reach_a_script_and_cannot_escape(run_flow: Run) -> None:
    run = run_flow(f"""
        - id: put
          type: {CORE}.namespace.UploadFiles
          filesMap: {{src/lib.py: "N = 6", notes.txt: n}}
        - id: use
          type: io.kestra.plugin.scripts.python.Commands
          namespaceFiles: {{include: ["*.py"]}}
          commands: ["ls", "python src/lib.py"]
        - {{id: out, type: {CORE}.namespace.UploadFiles, filesMap: {{../../x: y}}}}
    """)
    assert [line for line in messages(run) if line == "src"] == ["src"]
    assert "notes.txt" not in messages(run)
    assert "leads out of the namespace's files" in run["out"].error["message"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", {"a.txt", "in/a.txt", "in/deep/a.txt"}),
        ("/a.txt", {"a.txt"}),
        ("/in/*.txt", {"in/a.txt"}),
        ("glob:/in/**", {"in/a.txt", "in/b.csv", "in/deep/a.txt"}),
        ("in", {"in/a.txt", "in/b.csv", "in/deep/a.txt"}),
        ("glob:**/*.{csv,json}", {"in/b.csv"}),
        ("[ab].txt", {"a.txt", "in/a.txt", "in/deep/a.txt"}),
    ],
)
def test_a_pattern_of_namespace_files_with_a_root_begins_there(
    pattern: str, expected: set[str]
) -> None:
    names = ["a.txt", "in/a.txt", "in/b.csv", "in/deep/a.txt"]
    assert {name for name in names if matches(name, pattern)} == expected


def test_a_namespace_file_that_is_already_there_is_treated_as_asked(run_flow: Run) -> None:
    run = run_flow(f"""
        - {{id: put, type: {CORE}.namespace.UploadFiles, filesMap: {{a.txt: of the namespace}}}}
        - id: here
          type: {CORE}.flow.WorkingDirectory
          inputFiles: {{a.txt: of the flow}}
          tasks:
            - id: keep
              type: io.kestra.plugin.scripts.shell.Commands
              namespaceFiles: {{ifExists: IGNORE}}
              commands: ["cat a.txt"]
            - id: warn
              type: io.kestra.plugin.scripts.shell.Commands
              namespaceFiles: {{ifExists: WARN}}
              commands: ["cat a.txt"]
            - id: refuse
              type: io.kestra.plugin.scripts.shell.Commands
              allowFailure: true
              namespaceFiles: {{ifExists: FAIL}}
              commands: ["cat a.txt"]
            - id: replace
              type: io.kestra.plugin.scripts.shell.Commands
              namespaceFiles: {{include: ["/*.{{txt,md}}"]}}
              commands: ["cat a.txt"]
    """)
    assert [line for line in messages(run) if line.startswith("of the")] == [
        "of the flow",
        "of the flow",
        "of the namespace",
    ]
    assert "The file 'a.txt' is already in the working directory and stays" in messages(run)
    assert run["refuse"].error["message"] == "The file 'a.txt' is already in the working directory"


def test_purging_deletes_only_what_has_ended_before(run_flow: Run) -> None:
    old = run_flow(write("file", "x"))
    run = run_flow(f"""
        - id: purge
          type: {CORE}.execution.PurgeExecutions
          namespace: "{{{{ flow.namespace }}}}"
          endDate: "{{{{ now() }}}}"
    """)
    assert run["purge"].outputs["executionsCount"] == 1
    assert run["purge"].outputs["storagesCount"] == 1
    with pytest.raises(fb.NotFound):
        old.wait(1)


def test_a_script_that_takes_too_long_is_ended_with_its_children(
    run_flow: Run, tmp_path: Path
) -> None:
    run = run_flow(f"""
        - id: slow
          type: io.kestra.plugin.scripts.shell.Commands
          timeout: PT0.5S
          commands: ["echo $FLOWBOOK_RUN > {tmp_path}/mark", "sleep 300 & sleep 300"]
    """)
    assert run["slow"].error["message"] == "Timeout after PT0.5S"
    assert members(-1, (tmp_path / "mark").read_text().strip()) == set()


def test_a_failed_script_keeps_its_outputs(run_flow: Run) -> None:
    run = run_flow("""
        - id: half
          type: io.kestra.plugin.scripts.shell.Commands
          allowFailure: true
          outputFiles: [a.txt]
          commands: ["echo 1 > a.txt", "exit 3"]
        - id: show
          type: io.kestra.plugin.core.debug.Return
          format: "{{ outputs.half.exitCode }} {{ read(outputs.half.outputFiles['a.txt']) | trim }}"
    """)
    assert (run.state, run["show"].outputs["value"]) == ("WARNING", "3 1")


def test_a_query_feeds_a_loop_and_a_script(run_flow: Run) -> None:
    run = run_flow("""
        - id: q
          type: io.kestra.plugin.jdbc.duckdb.Query
          sql: SELECT n, n * n AS square FROM range(150) t(n)
          fetchType: FETCH
        - id: each
          type: io.kestra.plugin.core.flow.ForEach
          values: "{{ outputs.q.rows | jq('.[0:2] | .[]') }}"
          concurrencyLimit: 0
          tasks:
            - {id: one, type: io.kestra.plugin.core.debug.Return, format: "{{ fromJson(taskrun.value).square }}"}
        - id: use
          type: io.kestra.plugin.jdbc.duckdb.Query
          sql: SELECT count(*) AS n FROM '{{ outputs.q.rows.uri }}'
          fetchType: FETCH_ONE
    """)
    assert run.state == "SUCCESS", run.error
    assert run["use"].outputs["row"] == {"n": 150}
    assert sorted(one.outputs["value"] for one in run.task_runs if one.task_id == "one") == [
        "0",
        "1",
    ]


def test_a_deleted_file_can_be_deleted_again(run_flow: Run) -> None:
    run = run_flow(f"""
        {write("file", "x")}
        - {{id: once, type: {CORE}.storage.Delete, uri: "{{{{ outputs.file.uri }}}}"}}
        - {{id: twice, type: {CORE}.storage.Delete, uri: "{{{{ outputs.file.uri }}}}"}}
        - {{id: must, type: {CORE}.storage.Delete, uri: "{{{{ outputs.file.uri }}}}", errorOnMissing: true}}
    """)
    assert [run[name].outputs["deleted"] for name in ("once", "twice")] == [True, False]
    assert run["must"].state == "FAILED"


def test_a_part_is_full_with_the_row_that_reaches_its_bytes(run_flow: Run) -> None:
    rows = [str(number).rjust(20) for number in range(100)]
    run = run_flow(f"""
        {write("file", *rows)}
        - {{id: split, type: {CORE}.storage.Split, from: "{{{{ outputs.file.uri }}}}", bytes: 1KB}}
        - {{id: bad, type: {CORE}.storage.Split, from: "{{{{ outputs.file.uri }}}}", bytes: many}}
    """)
    assert [len(shown(run, f"'{uri}'")) for uri in run["split"].outputs["uris"]] == [49, 49, 2]
    assert run["bad"].error["message"] == (
        "Invalid size with value 'many': write it like 10KB or 5MB"
    )


def test_rows_are_split_by_what_they_hold(run_flow: Run) -> None:
    run = run_flow(f"""
        {write("file", "a 1", "b 2", "a 3", "?")}
        - {{id: split, type: {CORE}.storage.Split, from: "{{{{ outputs.file.uri }}}}", regexPattern: '(\\w) .'}}
    """)
    assert [shown(run, f"'{uri}'") for uri in run["split"].outputs["uris"]] == [
        ["a 1", "a 3"],
        ["b 2"],
    ]


def test_only_counts_that_are_named_are_added_up(run_flow: Run) -> None:
    run_flow(write("file", "x"))
    run = run_flow(f"""
        - id: count
          type: {CORE}.execution.Count
          expression: "{{{{ count == 0 }}}}"
          flows:
            - {{namespace: "{{{{ flow.namespace }}}}", flowId: trial}}
            - {{namespace: "{{{{ flow.namespace }}}}", flowId: nowhere}}
    """)
    assert run["count"].outputs["total"] == 0
    assert [one["flowId"] for one in run["count"].outputs["results"]] == ["nowhere"]


def test_files_of_a_namespace_come_and_go(run_flow: Run) -> None:
    run = run_flow(f"""
        {write("file", "x")}
        - id: map
          type: {CORE}.namespace.UploadFiles
          filesMap: {{old/a.txt: x, old/deep/b.txt: x, old/keep.csv: x}}
        - {{id: older, type: {CORE}.namespace.UploadFiles, files: {{/scripts/main.py: "{{{{ outputs.file.uri }}}}"}}}}
        - {{id: uri, type: {CORE}.namespace.UploadFiles, files: ["{{{{ outputs.file.uri }}}}"], destination: /up}}
        - {{id: some, type: {CORE}.namespace.DownloadFiles, files: "**b.txt", destination: /to/}}
        - {{id: tidy, type: {CORE}.namespace.DeleteFiles, files: "**/*.txt", deleteParentFolder: true}}
        - {{id: rest, type: {CORE}.namespace.DownloadFiles, files: ["**"]}}
    """)
    assert list(run["some"].outputs["files"]) == ["/to/old/deep/b.txt"]
    assert list(run["older"].outputs["files"]) == ["/scripts/main.py"]
    assert list(run["uri"].outputs["files"]) == ["/up/content"]
    assert list(run["rest"].outputs["files"]) == [
        "/old/keep.csv",
        "/scripts/main.py",
        "/up/content",
    ]


def test_two_stars_beside_letters_stand_for_folders_too(run_flow: Run) -> None:
    run = run_flow("""
        - id: make
          type: io.kestra.plugin.scripts.shell.Commands
          commands: ["mkdir -p deep/er", "touch deep/er/report-1.txt top.csv"]
          outputFiles: ["**report**", "glob:*.csv"]
    """)
    assert sorted(run["make"].outputs["outputFiles"]) == ["deep/er/report-1.txt", "top.csv"]


def test_pairs_are_purged_where_the_task_says(run_flow: Run) -> None:
    run = run_flow(f"""
        - {{id: gone, type: {CORE}.kv.Set, key: gone, value: 1, ttl: PT0.01S, namespace: purge.one}}
        - {{id: kept, type: {CORE}.kv.Set, key: kept, value: 1, namespace: purge.one.below}}
        - {{id: wait, type: {CORE}.flow.Sleep, duration: PT0.1S}}
        - {{id: version, type: {CORE}.kv.PurgeKV, behavior: {{type: version, keepAmount: 2}}}}
        - {{id: own, type: {CORE}.kv.PurgeKV, namespaces: [purge.one], includeChildNamespaces: false,
            expiredOnly: false, behavior: {{type: key, expiredOnly: true}}}}
        - {{id: below, type: {CORE}.kv.PurgeKV, namespaces: [purge.one], behavior: {{expiredOnly: false}}}}
        - {{id: both, type: {CORE}.kv.PurgeKV, namespaces: [purge.one], namespacePattern: "*"}}
    """)
    sizes = [run[name].outputs["size"] for name in ("version", "own", "below")]
    assert sizes == [0, 1, 1]
    assert run["both"].error["message"] == (
        "Properties `namespaces` and `namespacePattern` can't be used together"
    )


def test_expired_pairs_of_every_namespace_are_purged(run_flow: Run) -> None:
    run = run_flow(f"""
        - {{id: gone, type: {CORE}.kv.Set, key: gone, value: 1, ttl: PT0.01S, namespace: purge.two}}
        - {{id: kept, type: {CORE}.kv.Set, key: kept, value: 1, namespace: purge.two}}
        - {{id: wait, type: {CORE}.flow.Sleep, duration: PT0.1S}}
        - {{id: purge, type: {CORE}.kv.PurgeKV}}
        - {{id: keys, type: {CORE}.kv.GetKeys, namespace: purge.two}}
    """)
    assert run["purge"].outputs["size"] == 1
    assert run["keys"].outputs["keys"] == ["kept"]


def test_reversed_lines_end_as_the_file_did(run_flow: Run) -> None:
    run = run_flow(f"""
        - {{id: file, type: {CORE}.storage.Write, content: "1\\n2\\n3\\n"}}
        - {{id: turned, type: {CORE}.storage.Reverse, from: "{{{{ outputs.file.uri }}}}"}}
    """)
    assert run.eval("{{ read(outputs.turned.uri) }}") == "3\n2\n1\n"


def test_the_function_http_sends_what_it_is_told(run_flow: Run, site: Site) -> None:
    address = site.says("/a", content=b"found: [one, two]\n", content_type="application/yaml")
    run = run_flow(f"""
        - id: ask
          type: {CORE}.debug.Return
          format: >-
            {{{{ http('{address}', 'POST', body={{'n': [1]}}, contentType='application/yaml',
            headers={{'X-Key': ['a', 'b']}}, options={{'auth': {{'type': 'BEARER', 'token': 't'}}}}).found[1] }}}}
        - id: json
          type: {CORE}.debug.Return
          format: "{{{{ http('{address}', 'POST', body={{'n': 1}}, options={{'auth': {{'username': 'u',
            'password': 'p'}}}}) | length }}}}"
        - id: missing
          type: {CORE}.debug.Return
          format: "{{{{ http('{site.says("/b", 404, b"no")}', options={{'allowFailed': true}}) }}}}"
    """)
    assert run["ask"].outputs["value"] == "two"
    assert run["missing"].outputs["value"] == "no"
    first, second, _ = site.asked
    assert first[3] == b"n:\n- 1\n"
    assert first[2]["Authorization"] == "Bearer t"
    assert second[3] == b'{"n": 1}'
    assert (second[2]["Content-Type"], second[2]["Authorization"]) == (
        "application/json",
        "Basic dTpw",
    )

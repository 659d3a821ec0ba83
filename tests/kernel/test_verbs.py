"""`%flow VERB` and completion in a real kernel."""

from __future__ import annotations

from .conftest import Kernel
from .test_cells import HELLO


def test_verbs_find_what_a_cell_ran(kernel: Kernel) -> None:
    kernel.run(HELLO)

    assert "Hello Ada" in kernel.run("%flow logs").printed
    assert "ADA" in kernel.run("%flow out give").result["text/plain"]  # type: ignore[index]
    assert "notebook.hello" in kernel.run("%flow runs").result["text/plain"]  # type: ignore[index]
    assert kernel.run("%flow show").runs[-1]["state"] == "success"
    assert "greet" in kernel.run("%flow graph hello").result["text/plain"]  # type: ignore[index]
    assert kernel.run("%flow run hello -i name=Bob -o again").status == "ok"
    assert kernel.value("again['give'].outputs.value") == "BOB"
    fine = kernel.run("%flow validate hello").result
    assert fine is not None
    assert fine["text/plain"] == "notebook.hello: no problems"
    assert "There is no file 'no.yaml'" in kernel.run("%flow validate no.yaml").errors
    assert "There is no file 'no.yaml'" in kernel.run("%flow deploy no.yaml").errors


def test_sql_answers_from_the_history(kernel: Kernel) -> None:
    kernel.run(HELLO)

    cell = kernel.run(
        "%flow found << sql SELECT state, count(*) AS runs FROM executions GROUP BY state"
    )

    assert cell.status == "ok", cell
    assert kernel.value("found.fetchall()") == "[('SUCCESS', 1)]"
    refused = kernel.run("%flow sql DROP TABLE executions")
    assert "UsageError" in refused.errors


def test_quotes_in_sql_and_expressions_stay(kernel: Kernel) -> None:
    kernel.run(HELLO)

    sql = "%flow found << sql SELECT message, 'a b' AS words FROM logs WHERE task_id = 'greet'"
    assert kernel.run(sql).status == "ok"
    assert kernel.value("found.fetchall()") == "[('Hello Ada', 'a b')]"
    said = kernel.run("%flow said << eval outputs.give.value ~ ' it is  she'")
    assert said.status == "ok", said
    assert kernel.value("said") == "ADA it is  she"
    kernel.run('%flow eval --task give {{ taskrun.id ?? "none" }}')
    assert "-1" in str(kernel.run("%flow eval -1 * 1").result)
    wrong = kernel.run("%flow eval outputs.gve")
    assert "gve" in wrong.errors
    assert "Traceback" not in wrong.errors


def test_a_task_is_run_again_and_compared(kernel: Kernel) -> None:
    kernel.run(HELLO)

    again = kernel.run("%flow rerun give -p format='{{ inputs.name }} again' -o other")
    assert again.status == "ok", again
    assert again.runs[-1]["state"] == "success"
    assert kernel.value("other['give'].outputs.value") == "Ada again"
    kernel.run(HELLO.replace("upper", "lower"))
    told = kernel.run("%flow diff").result["text/plain"]  # type: ignore[index]
    assert "give.value" in told
    assert "ADA → ada" in told
    assert "Did you mean 'give'" in kernel.run("%flow rerun giv").errors.replace("did", "Did")


def test_a_verb_that_isnt_there_names_one_that_is(kernel: Kernel) -> None:
    cell = kernel.run("%flow rnus")

    assert "Did you mean '%flow runs'" in cell.errors
    assert "There is no flow 'helo'" in kernel.run("%flow run helo").errors


def test_help_says_what_a_verb_takes(kernel: Kernel) -> None:
    assert "--timezone" in kernel.run("%flow schedule --help").printed
    assert "--dry-run" in kernel.run("%flow help %%flow").printed
    assert "--dry-run" in kernel.run("%%flow --help\n#").printed
    assert "schedule" in kernel.run("%flow").printed
    assert "schedule" in kernel.run("%flow --help").printed


def test_the_namespace_is_configured_and_shown(kernel: Kernel) -> None:
    kernel.run("%config FlowMagics.namespace = 'team.data'")

    cell = kernel.run(HELLO)

    assert "team.data.hello" in cell.printed
    assert cell.runs[-1]["namespace"] == "team.data"


def test_completion_knows_verbs_flows_types_and_properties(kernel: Kernel) -> None:
    kernel.run(HELLO)
    body = "%%flow\nid: x\ntasks:\n  - id: a\n    type: core.log.Log\n    me"

    assert kernel.complete("%flow sch") == ["schedule"]
    assert "notebook.hello" in kernel.complete("%flow run note")
    assert "message: " in kernel.complete(body)
    assert "core.log.Log" in kernel.complete("%%flow\nid: x\ntasks:\n  - id: a\n    type: core.lo")
    assert "--timezone" in kernel.complete("%flow schedule n.ipynb --tim")


def test_a_notebook_is_scheduled_by_a_readable_file(kernel: Kernel) -> None:
    kernel.run(
        "import nbformat\n"
        "nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('1')])\n"
        "nbformat.write(nb, 'report.ipynb')"
    )

    cell = kernel.run(
        '%flow schedule report.ipynb --cron "0 7 * * 1-5" --timezone Europe/Paris -i station=Seattle'
    )

    text = (kernel.root / "flows" / "report.yaml").read_text()
    assert cell.status == "ok", cell
    assert 'cron: "0 7 * * 1-5"' in text
    assert "timezone: Europe/Paris" in text
    assert "path: ../report.ipynb" in text
    assert "station: Seattle" in text
    assert "07:00:00 Europe/Paris" in cell.printed
    assert "07:00:00 Europe/Paris" in kernel.run("%flow ls").result["text/plain"]  # type: ignore[index]


def test_a_bad_cron_text_says_what_is_wrong(kernel: Kernel) -> None:
    (kernel.root / "report.ipynb").write_text("{}")

    cell = kernel.run('%flow schedule report.ipynb --cron "5 25 * * *"')

    assert "invalid cron expression '5 25 * * *'" in cell.errors
    assert not (kernel.root / "flows").exists()


def test_a_file_that_changed_is_run_as_it_is_now(kernel: Kernel) -> None:
    file = kernel.root / "flows" / "hello.yaml"
    file.parent.mkdir()
    text = (
        "id: hello\nnamespace: demo\ntasks:\n  - {id: say, type: core.debug.Return, format: old}\n"
    )
    file.write_text(text)
    lying = kernel.run("%flow ls").result
    kernel.run("%flow deploy")
    file.write_text(text.replace("old", "new"))

    assert kernel.run("%flow run hello -o run").status == "ok"

    assert lying is not None
    assert "not deployed" in lying["text/plain"]
    assert kernel.value("run['say'].outputs.value") == "new"
    assert kernel.value("run.revision") == "2"


def test_kernels_are_shown_made_ready_and_ended(kernel: Kernel) -> None:
    assert "No kernels stand ready" in kernel.run("%flow kernels").printed
    assert kernel.run("%flow kernels warm").printed.endswith(" ready\n")
    assert "2 ready, 0 lent" in kernel.run("%flow kernels list").printed
    assert kernel.run("%flow kernels end --all").printed == "Ended.\n"
    assert kernel.run("%flow kernels end --all").printed == "There was nothing to end.\n"
    assert "invalid choice" in kernel.run("%flow kernels stop").errors


def test_why_a_task_did_not_run(kernel: Kernel) -> None:
    kernel.run(
        "%%flow -q\nid: why\ntasks:\n  - {id: no, type: core.log.Log, message: x, runIf: 'false'}\n"
    )
    assert (
        "'no' was skipped: its `runIf`, `false`, was false." in kernel.run("%flow why no").printed
    )


def test_a_schedule_is_backfilled_and_switched(kernel: Kernel) -> None:
    flow = (
        "%%flow --no-run\nid: daily\ntasks: [{id: say, type: core.debug.Return, format: hi}]\n"
        'triggers: [{id: noon, type: core.trigger.Schedule, cron: "0 12 * * *", timezone: UTC}]'
    )
    assert kernel.run(flow).status == "ok"
    assert kernel.run("%flow deploy daily").status == "ok"

    begun = kernel.run("%flow backfill daily --start 2026-01-01 --end 2026-01-03 -l why=fix")
    assert begun.printed.splitlines()[0] == (
        "Backfill: 3 dates of notebook.daily.noon, 2026-01-01 12:00 to 2026-01-03 12:00 (UTC)."
    )
    assert "No server runs now: they run while one does" in begun.printed
    told = kernel.run("%flow backfill daily").result["text/plain"]  # type: ignore[index]
    assert "waits for a server" in told
    assert "0 of 3" in told
    listed = kernel.run("%flow ls").result["text/plain"]  # type: ignore[index]
    assert "backfill 0 of 3, at 2026-01-01 12:00" in listed
    assert "is paused" in kernel.run("%flow backfill daily --pause").printed
    assert "noon is disabled." in kernel.run("%flow triggers disable daily").printed
    triggers = kernel.run("%flow triggers").result["text/plain"]  # type: ignore[index]
    assert "Disabled" in triggers
    assert kernel.complete("%flow triggers enable daily no") == ["noon"]
    assert "noon is enabled." in kernel.run("%flow triggers enable daily noon").printed
    wrong = kernel.run("%flow backfill daily --start soon")
    assert "'soon' is no date" in wrong.errors
    assert "Which flow?" in kernel.run("%flow backfill --start 2026-01-01").errors

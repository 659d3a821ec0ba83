"""What `%flow` does to executions and flows: one, or all that its options find."""

from __future__ import annotations

from .conftest import Kernel
from .test_together import until

GATE = """%%flow --bg -o gate
id: gate
tasks:
  - {id: hold, type: core.flow.Pause, onResume: [{id: word, type: STRING}]}
  - {id: fine, type: core.execution.Fail, condition: "{{ outputs.hold.onResume.word == 'no' }}"}
"""


def paused(kernel: Kernel, code: str = GATE) -> None:
    assert kernel.run(code).status == "ok"
    until(lambda: kernel.value("gate.state") == "PAUSED")


def test_one_run_is_resumed_restarted_marked_replayed_and_deleted(kernel: Kernel) -> None:
    paused(kernel)
    failed = kernel.run("%flow resume gate -i word=no")
    assert (failed.status, failed.runs[-1]["state"]) == ("error", "failed")
    marked = kernel.run("%flow mark fine success")
    assert marked.printed.strip() == "fine is SUCCESS."
    until(lambda: kernel.value("gate.state") == "SUCCESS")
    assert kernel.run("%flow labels gate --set seen=yes").status == "ok"
    assert kernel.value("gate.labels['seen']") == "yes"
    replayed = kernel.run("%flow replay gate --task fine -o again")
    assert replayed.status == "error"  # it says no again
    assert kernel.value("again.parent_id == gate.id") == "True"
    restarted = kernel.run("%flow restart again")
    assert restarted.runs[-1]["state"] == "failed"
    assert "--yes' does it" in kernel.run("%flow delete again").printed
    assert "is deleted" in kernel.run("%flow delete again --yes").printed
    assert kernel.value("len(gate.workspace.executions())") == "1"


def test_several_are_listed_first_and_done_with_yes(kernel: Kernel) -> None:
    paused(kernel)
    paused(kernel)
    asked = kernel.run("%flow kill --flow gate --state PAUSED")
    assert "These 2 would be killed; --yes does it." in asked.printed
    assert kernel.value("gate.state") == "PAUSED"
    done = kernel.run("%flow resume --flow gate -i word=yes --yes")
    assert done.printed.strip() == "2 of 2 resumed."
    until(lambda: kernel.value("gate.state") == "SUCCESS")
    assert "No execution matches." in kernel.run("%flow pause --namespace x").result["text/plain"]  # type: ignore[index]
    wrong = kernel.run("%flow kill gate --state PAUSED")
    assert "Either one execution or what several are like" in wrong.errors
    assert "There is no state GREEN" in kernel.run("%flow kill --state green").errors


def test_revisions_are_compared_run_and_restored(kernel: Kernel) -> None:
    text = "id: word\ntasks:\n  - {id: say, type: core.debug.Return, format: %s}\n"
    for word in ("one", "two"):
        assert kernel.run(f"%%flow -q\n{text % word}").status == "ok"
        assert kernel.run("%flow deploy word").status == "ok"
    listed = kernel.run("%flow revisions word").result["text/plain"]  # type: ignore[index]
    assert listed.count("deployed") == 2
    compared = kernel.run("%flow revisions word --diff").printed
    assert "-  - {id: say, type: core.debug.Return, format: one}" in compared
    assert kernel.run("%flow run word --revision 1 -o old -q").status == "ok"
    assert kernel.value("old['say'].outputs.value") == "one"
    assert "is back, as revision 3" in kernel.run("%flow revisions word --restore 1").printed


def test_help_shows_the_page_of_a_type(kernel: Kernel) -> None:
    page = kernel.run("%flow help log.Log").result
    assert page is not None
    assert page["text/markdown"].startswith("# Log\n\n`io.kestra.plugin.core.log.Log`")
    wrong = kernel.run("%flow help Lgo").errors
    assert "No type is called 'Lgo'. Did you mean io.kestra.plugin.core.log.Log?" in wrong
    assert "'%flow lgos' isn't there" in kernel.run("%flow help lgos").errors


def test_words_that_a_verb_has_no_use_for_are_answered(kernel: Kernel) -> None:
    assert "An input is given with -i: -i n=5" in kernel.run("%flow run demo.any n=5").errors
    assert "Did you mean --state?" in kernel.run("%flow runs --stat PAUSED x --sate").errors

"""The revisions of a flow at the command line, and runs of a part of it."""

from __future__ import annotations

import pytest

from .conftest import Terminal

pytestmark = pytest.mark.slow

TEXT = """id: hello
namespace: demo.revisions
tasks:
  - {id: word, type: io.kestra.plugin.core.debug.Return, format: "%s"}
  - {id: say, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.word.value }}!"}
"""


def test_revisions_are_listed_compared_run_and_restored(flowbook: Terminal) -> None:
    for word in ("one", "two"):
        flowbook.write("hello.yaml", TEXT % word)
        assert flowbook("flows", "deploy", "hello.yaml").returncode == 0
    flow = "demo.revisions.hello"
    listed = flowbook.json("flows", "revisions", flow)
    assert [(row["revision"], row["draft"]) for row in listed] == [(2, False), (1, False)]
    compared = flowbook("flows", "diff", flow).stdout.splitlines()
    assert compared[:2] == [f"--- {flow} revision 1", f"+++ {flow} revision 2"]
    assert flowbook("flows", "diff", flow, "2", "2").stdout == "Nothing differs.\n"
    first = flowbook.json("run", flow, "--revision", "1")
    assert first["taskRuns"][1]["outputs"] == {"value": "one!"}
    part = flowbook.json("run", flow, "--only", "say")
    assert [each["state"] for each in part["taskRuns"]] == ["SKIPPED", "SUCCESS"]
    assert part["taskRuns"][1]["outputs"] == {"value": "one!"}
    restored = flowbook("flows", "restore", flow, "1")
    assert restored.stdout == f"Revision 1 of {flow} is back, as revision 3\n"
    missing = flowbook("flows", "restore", flow, "9")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == f"Flow '{flow}' has no revision 9; it has 1, 2, 3\n"
    file = flowbook("run", "hello.yaml", "--revision", "1")
    assert (file.returncode, "A file has no revisions" in file.stderr) == (2, True)

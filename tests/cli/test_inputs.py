"""Inputs on the command line: values, files, files of values, and the form that asks for them."""

from __future__ import annotations

import json

from .conftest import Terminal

FLOW = """
id: asks
namespace: demo
inputs:
  - {id: n, type: INT, max: 5}
  - {id: data, type: FILE, required: false}
  - {id: names, type: ARRAY, itemType: STRING, defaults: []}
tasks:
  - {id: text, type: core.debug.Return, format: "{{ inputs.n }} {{ inputs.names }} {{ read(inputs.data) }}"}
"""


def test_values_files_and_a_file_of_values(flowbook: Terminal) -> None:
    flowbook.write("asks.yaml", FLOW)
    flowbook.write("in.yaml", "n: 9\nnames: [Ada]\n")
    flowbook.write("rows.csv", "a,b")
    given = ("--inputs-file", "in.yaml", "-i", "n=3", "-i", "data=@rows.csv")
    said = flowbook("run", "asks.yaml", *given, "--json")
    assert json.loads(said.stdout)["state"] == "SUCCESS"
    assert '3 [\\"Ada\\"] a,b' in said.stdout


def test_what_is_refused_says_what_is_taken(flowbook: Terminal) -> None:
    flowbook.write("asks.yaml", FLOW)
    refused = flowbook("run", "asks.yaml", "-i", "n=9")
    assert refused.returncode != 0
    assert "Invalid input for `n`, it must be less than `5`, but received `9`" in refused.stderr
    assert "`n` takes a whole number like 42, at most 5." in refused.stderr
    wrong = flowbook("run", "asks.yaml", "-i", "n")
    assert "'n' isn't an input" in wrong.stderr
    assert "Traceback" not in refused.stderr + wrong.stderr


def test_the_form_of_a_flow(flowbook: Terminal) -> None:
    flowbook.write("asks.yaml", FLOW)
    flowbook("flows", "deploy", "asks.yaml")
    form = json.loads(flowbook("flows", "get", "demo.asks", "--form").stdout)
    assert list(form["properties"]) == ["n", "data", "names"]
    assert form["required"] == ["n"]

"""`core.input.Yaml`: the input type YAML."""

from __future__ import annotations

from flowbook.flows.source import load
from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example


class Yaml(Input):
    """Any value; a text is read as YAML."""

    expects = "YAML like a: [1, 2]"

    def parse(self, value: Json) -> Json:
        if not isinstance(value, str):
            return value
        documents = load(value, "input")
        faults = [fault.message for document in documents for fault in document.problems]
        if len(documents) > 1:
            faults.append("more than one document")
        if faults:
            said = faults[0].removeprefix("Illegal flow yaml: ")
            raise ValueError(f"Expected `YAML` but received `{value}` with errors: {said}")
        return documents[0].value


SETTINGS = Example(
    title="Settings, written as YAML",
    inputs={"settings": "retries: 3"},
    logs=("3 retries",),
    flow="""
id: input-yaml
namespace: demo
inputs:
  - {id: settings, type: YAML}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.settings.retries }} retries"}
""",
)

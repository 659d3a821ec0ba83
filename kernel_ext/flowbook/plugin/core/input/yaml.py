"""`core.input.Yaml`: the input type YAML."""

from __future__ import annotations

from flowbook.flows.source import load
from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input


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

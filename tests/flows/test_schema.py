"""The JSON Schema of the language: what the parser takes fits it, what it refuses mostly doesn't."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from flowbook.flows.mend import mend
from flowbook.flows.schema import part_schema, schema, type_docs
from flowbook.flows.source import load
from flowbook.kinds.find import find, index
from flowbook.kinds.part import examples

SEEDS = sorted(Path(__file__).with_name("seeds").glob("*.yaml"))


@pytest.fixture(scope="module")
def language() -> jsonschema.Draft7Validator:
    made = schema()
    jsonschema.Draft7Validator.check_schema(made)
    return jsonschema.Draft7Validator(made)


def written() -> list[Any]:
    rows = []
    for kind, names in index()["types"].items():
        for name in names:
            part = find(kind, name)
            assert part is not None
            for number, example in enumerate(examples(part)):
                rows.append(pytest.param(example.flow, id=f"{name.rpartition('.')[2]}-{number}"))
    return rows


@pytest.mark.parametrize("text", written())
def test_every_example_fits(text: str, language: jsonschema.Draft7Validator) -> None:
    for source in load(text):
        assert [error.message for error in language.iter_errors(source.value)] == []


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_every_seed_fits_but_for_what_is_ignored(
    path: Path, language: jsonschema.Draft7Validator
) -> None:
    (source,) = load(path.read_text())
    read = mend(source) if source.problems else source
    assert read is not None
    found = [leaf for error in language.iter_errors(read.value) for leaf in leaves(error)]
    said = {leaf.message for leaf in found if "is not of type 'null'" not in leaf.message}
    assert said <= {
        "Additional properties are not allowed ('sql' was unexpected)",
        "Additional properties are not allowed ('store' was unexpected)",
    }


def leaves(error: jsonschema.ValidationError) -> list[jsonschema.ValidationError]:
    """What an error comes down to."""
    return [leaf for inner in error.context or () for leaf in leaves(inner)] or [error]


@pytest.mark.parametrize(
    "text",
    [
        "namespace: demo\ntasks: []\n",
        "id: x\ntaks: []\n",
        "id: x\ntasks: [{id: t, type: io.kestra.plugin.core.log.Log, mesage: hi}]\n",
        "id: x\ntasks: [{id: t, type: io.kestra.plugin.core.log.Log}]\n",
        "id: x\ntasks: [{id: t, type: Log, message: hi, level: LOUD}]\n",
        "id: x\ninputs: [{id: n, type: INT, min: soon}]\n",
        "id: x\ntriggers: [{id: t, type: io.kestra.plugin.core.trigger.Schedule}]\n",
        "id: x\nconcurrency: {limit: 0}\n",
        "id: x\ntasks: [{id: t, type: core.flow.Sequential, tasks: [{id: u, type: Log}]}]\n",
    ],
)
def test_what_is_wrong_does_not_fit(text: str, language: jsonschema.Draft7Validator) -> None:
    (source,) = load(text)
    assert list(language.iter_errors(source.value))


def test_properties_carry_their_docs() -> None:
    log = find("task", "io.kestra.plugin.core.log.Log")
    assert log is not None
    made = part_schema(log)
    assert made["description"] == "Write one or several lines to the execution's log."
    assert made["properties"]["message"]["description"] == "What to write; one log line per item."
    assert made["properties"]["level"]["default"] == "INFO"
    assert made["required"] == ["id", "message"]
    assert type_docs(log)["properties"]["message"] == {
        "doc": "What to write; one log line per item.",
        "required": True,
        "dynamic": True,
    }


def test_a_template_fits_where_a_number_is_wanted(language: jsonschema.Draft7Validator) -> None:
    text = "id: x\ntasks: [{id: t, type: core.flow.ForEach, values: [1], concurrencyLimit: '%s', tasks: []}]"
    fits = [
        not list(language.iter_errors(load(text % value)[0].value))
        for value in ("{{ inputs.n }}", "many")
    ]
    assert fits == [True, False]

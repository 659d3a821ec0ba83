"""`core.input.form`: the input type FORM."""

from __future__ import annotations

from pydantic import field_validator

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import AnyInput, Input
from flowbook.kinds.part import Example


class Form(Input):
    """A titled group of inputs; each is given and read as `<form>.<input>`."""

    required: bool = False
    """A group has no value of its own."""
    inputs: tuple[AnyInput, ...]
    """The inputs of the group."""

    @field_validator("inputs")
    @classmethod
    def _flat(cls, value: tuple[Input, ...]) -> tuple[Input, ...]:
        if any(isinstance(each, Form) for each in value):
            raise ValueError("a FORM inside a FORM is not supported")
        return value

    def parse(self, value: Json) -> Json:
        raise ValueError("a FORM has no value of its own")

    def members(self) -> tuple[Input, ...]:
        return tuple(
            each.model_copy(
                update={
                    "id": f"{self.id}.{each.id}",
                    "depends_on": each.depends_on or self.depends_on,
                }
            )
            for each in self.inputs
        )


ADDRESS = Example(
    title="Inputs that belong together",
    inputs={"address.street": "High Street", "address.number": 7},
    logs=("High Street 7",),
    flow="""
id: input-form
namespace: demo
inputs:
  - id: address
    type: FORM
    inputs:
      - {id: street, type: STRING}
      - {id: number, type: INT}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.address.street }} {{ inputs.address.number }}"}
""",
)

"""`core.input.Secret`: the input type SECRET."""

from __future__ import annotations

from pydantic import field_validator

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text
from flowbook.kinds.part import Example
from flowbook.plugin.core.input.string import checked_pattern, must_match


class Secret(Input):
    """A text that is stored encrypted and never shown."""

    expects = "a text, kept secret"

    validator: str | None = None
    """A regular expression that the whole text must match."""

    @field_validator("validator")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return checked_pattern(value)

    @property
    def is_secret(self) -> bool:
        return True

    def parse(self, value: Json) -> Json:
        given = text(value)
        must_match(self.validator, given)
        return given


TOKEN = Example(
    title="A password, which no log shows",
    inputs={"token": "abracadabra"},
    logs=("token ********",),
    flow="""
id: input-secret
namespace: demo
inputs:
  - {id: token, type: SECRET}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "token {{ inputs.token }}"}
""",
)

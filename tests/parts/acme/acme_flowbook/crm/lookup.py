"""`acme.crm.Lookup`."""

from __future__ import annotations

from collections.abc import Mapping

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask

CUSTOMERS = {"7": "Ada Lovelace", "8": "Grace Hopper"}


class Lookup(RunnableTask):
    """Find the name of a customer."""

    number: Dynamic[str]
    """The customer's number."""

    async def run(self, context: Context) -> Mapping[str, str]:
        number = str(await context.render(self.number))
        if number not in CUSTOMERS:
            raise TaskFailed(f"There is no customer {number}; there are: {', '.join(CUSTOMERS)}")
        return {"name": CUSTOMERS[number]}


ADA = Example(
    title="The initials of a customer",
    logs=("AL",),
    flow="""
id: initials-of-a-customer
namespace: demo
tasks:
  - {id: who, type: acme.crm.Lookup, number: 7}
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.who.name | initials }}"}
""",
)

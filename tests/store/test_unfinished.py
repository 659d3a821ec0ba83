"""Who holds a place and who has waited longest, whatever has happened and whenever the tables were read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbook.store.duckdb import Database
from flowbook.store.project import Projection, Row
from flowbook.store.unfinished import Unfinished

FLOWS = ("shop.orders", "shop.users")
IDS = ("a", "b", "c", "d")
STATES = ("CREATED", "QUEUED", "RUNNING", "PAUSED", "SUCCESS")
Step = tuple[str, str, str]
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(IDS), st.sampled_from(STATES), st.sampled_from(FLOWS)),
        st.tuples(
            st.sampled_from(IDS),
            st.sampled_from(("gone", "slot", "no slot", "forget", "apply")),
            st.sampled_from(FLOWS),
        ),
    ),
    max_size=30,
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("unfinished")
    made = Database(folder / "history.duckdb", folder)
    yield made
    made.close()


class Told:
    """What has happened, as plainly as it can be kept."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, object]] = {}
        self.slots: set[tuple[str, str]] = set()
        self.clock = 0

    def change(self, step: Step) -> Row | None:
        id, what, flow = step
        self.clock += 1
        if what in ("slot", "no slot"):
            key = json.dumps([flow, id])
            (self.slots.add if what == "slot" else self.slots.discard)((flow, id))
            row = {"name": flow, "execution_id": id, "state": "taken", "taken_at": None}
            return ("slots", key, json.dumps(row) if what == "slot" else None)
        if what == "gone":
            self.rows.pop(id, None)
            return ("executions", json.dumps([id]), None)
        if what not in STATES:
            return None
        date = f"2026-11-21T00:00:{self.clock:02}+00:00"
        old = self.rows.get(id)
        namespace, _, flow_id = (str(old["flow"]) if old else flow).rpartition(".")
        histories = [*(old["histories"] if old else []), {"state": what, "date": date}]  # type: ignore[misc]
        self.rows[id] = {"flow": f"{namespace}.{flow_id}", "state": what, "histories": histories}
        whole = {
            "id": id,
            "namespace": namespace,
            "flow_id": flow_id,
            "state": what,
            "histories": histories,
            "ended_at": date if what == "SUCCESS" else None,
        }
        return ("executions", json.dumps([id]), json.dumps(whole))

    def holders(self, flow: str) -> set[str]:
        return {
            id
            for id, row in self.rows.items()
            if row["flow"] == flow
            and row["state"] != "SUCCESS"
            and (row["state"] not in ("CREATED", "QUEUED") or (flow, id) in self.slots)
        }

    def waiting(self, flow: str) -> list[str]:
        found = [
            (row["histories"][-1]["date"], id)  # type: ignore[index]
            for id, row in self.rows.items()
            if row["flow"] == flow and row["state"] == "QUEUED" and (flow, id) not in self.slots
        ]
        return [id for _, id in sorted(found)]


@settings(max_examples=150, deadline=None)
@given(taken=steps, asked=st.integers(0, 30))
def test_memory_and_tables_say_the_same(database: Database, taken: list[Step], asked: int) -> None:
    for table in ("executions", "slots"):
        database.connection.execute(f"delete from {table}")
    projection, told = Projection(database), Told()
    unfinished = Unfinished(database, projection)
    for number, step in enumerate(taken):
        if (change := told.change(step)) is not None:
            projection.take({}, [change], number + 1)
            unfinished.note([change])
        elif step[1] == "forget":
            unfinished.forget()
        else:
            projection.apply()
        if number >= asked:
            for flow in FLOWS:
                assert unfinished.holders(flow) == told.holders(flow)
                assert unfinished.waiting(flow, None) == told.waiting(flow)
                assert unfinished.waiting(flow, 1) == told.waiting(flow)[:1]

"""Storekeepers die; nobody notices more than a pause."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from typing import Any

import msgpack
import pytest

from flowbook.elected import Seat
from flowbook.errors import WorkspaceError
from flowbook.store import frames
from flowbook.store.client import Store
from flowbook.store.duckdb import migrations
from flowbook.store.rows import HostInfo, Owner, StaleOwner
from flowbook.workspace.place import Place

from .conftest import end_keeper, event, proves_equal, task_run, until

pytestmark = pytest.mark.anyio
HOST = HostInfo.here("host-1", "script")


async def test_the_next_append_starts_the_next_storekeeper(place: Place) -> None:
    async with await Store.open(place, host=HOST) as store:
        for number in range(5):
            seq = await store.append(
                [event(n=number)], [task_run("t", position=number)], Owner("host-1", 1)
            )
            assert seq == number + 1
            assert store.keeper_pid is not None
            before = store.keeper_pid
            os.kill(before, signal.SIGKILL)
            assert (await store.query("task_runs_of", execution_id="e1"))[0]["position"] == number
            assert store.keeper_pid != before
        assert [row["payload"]["n"] for row in await store.execution("e1")] == list(range(5))
        await proves_equal(store)


async def test_what_was_under_way_is_sent_again_and_counts_once(place: Place) -> None:
    async with await Store.open(place, host=HOST) as store:
        assert store.keeper_pid is not None
        waiting = [
            asyncio.create_task(store.append([event(n=n)], [task_run(f"t{n}")], None))
            for n in range(500)
        ]
        await store.record(
            [{"table": "logs", "execution_id": "e1", "message": str(n)} for n in range(200)]
        )
        await waiting[3]
        os.kill(store.keeper_pid, signal.SIGKILL)
        answers = await asyncio.gather(*waiting)
        await store.flush()
        found = await store.execution("e1")
        assert sorted(row["payload"]["n"] for row in found) == list(range(500))
        assert {row["seq"] for row in found} == set(answers)
        assert [row["message"] for row in await store.query("logs_of", execution_id="e1")] == [
            str(n) for n in range(200)
        ]
        await proves_equal(store)


async def test_a_follower_sees_each_thing_once_across_deaths(place: Place) -> None:
    host = HostInfo.here("host-2", "server")
    async with (
        await Store.open(place, host=HOST) as writer,
        await Store.open(place, host=host) as reader,
    ):
        follower = reader.follow()
        seen: list[Any] = []

        async def read() -> None:
            async for batch in follower:
                seen.extend(one["payload"]["n"] for one in batch.events)  # type: ignore[index, call-overload]

        reading = asyncio.create_task(read())
        for number in range(120):
            await writer.append([event(n=number)], [], None)
            if number % 40 == 20:
                assert writer.keeper_pid is not None
                os.kill(writer.keeper_pid, signal.SIGKILL)
        await until(lambda: len(seen) >= 120)
        await follower.aclose()
        await reading
        assert seen == list(range(120))


async def test_many_hosts_at_once_elect_one_storekeeper(place: Place) -> None:
    hosts = [HostInfo.here(f"host-{n}", "script") for n in range(8)]
    place.create()
    stores = await asyncio.gather(*(Store.open(place, host=host) for host in hosts))
    try:
        assert len({store.keeper_pid for store in stores}) == 1
        await asyncio.gather(*(store.append([event(store.host.id)], [], None) for store in stores))
        assert stores[0].keeper_pid == Seat(place.runtime, "store").holder()
        os.kill(stores[0].keeper_pid or 0, signal.SIGKILL)
        await asyncio.gather(*(store.append([event(store.host.id)], [], None) for store in stores))
        assert len({store.keeper_pid for store in stores}) == 1
    finally:
        await asyncio.gather(*(store.close() for store in stores))


async def test_a_storekeeper_nobody_uses_ends_by_itself(place: Place) -> None:
    place.create()
    seat = Seat(place.runtime, "store")
    started = seat.start(
        "flowbook.store", str(place.database), str(place.storage), str(place.runtime), "0.3"
    )
    await until(seat.is_held)
    async with await Store.open(place, host=HOST) as store:
        assert store.keeper_pid == started.pid
        await store.append([event()], [], None)
    assert await asyncio.to_thread(started.wait, 20) == 0
    assert not seat.socket.exists()
    assert not place.database.with_name("in-use.json").exists()


async def test_a_second_candidate_leaves_at_once(place: Place) -> None:
    async with await Store.open(place, host=HOST) as store:
        seat = Seat(place.runtime, "store")
        second = seat.start(
            "flowbook.store", str(place.database), str(place.storage), str(place.runtime)
        )
        assert await asyncio.to_thread(second.wait, 20) == 0
        assert seat.holder() == store.keeper_pid


async def test_the_socket_belongs_to_the_user_alone(place: Place) -> None:
    async with await Store.open(place, host=HOST):
        assert Seat(place.runtime, "store").socket.stat().st_mode & 0o777 == 0o600
        assert place.runtime.stat().st_mode & 0o077 == 0


async def test_another_protocol_is_refused_with_the_command_that_mends_it(place: Place) -> None:
    async with await Store.open(place, host=HOST) as store:
        with raw(place) as connection:
            hello = {"protocol": 99, "schema": migrations()[-1][0], "client": "x", "host": "x"}
            _, status, (kind, text) = ask(connection, hello)
        assert (status, kind) == (frames.FAILED, "WorkspaceError")
        assert f"kill {store.keeper_pid}" in text
        assert "99" in text


async def test_a_request_sent_twice_is_carried_out_once(place: Place) -> None:
    """Also when the answer was lost together with the storekeeper, and for transactions their answer."""
    append = [
        "append",
        7,
        [["e1", 0, "Happened", "{}"]],
        [["task_runs", '["t"]', '{"id":"t"}']],
        None,
        None,
    ]
    fire = [
        "transact",
        9,
        "fire",
        {"namespace": "n", "flow_id": "f", "trigger_id": "t", "date": "d", "execution_id": "e"},
    ]
    async with await Store.open(place, host=HOST) as store:
        hello = {
            "protocol": frames.PROTOCOL,
            "schema": migrations()[-1][0],
            "client": "again",
            "host": "again",
        }
        answers = []
        for death in (False, True, False):
            if death:
                assert store.keeper_pid is not None
                os.kill(store.keeper_pid, signal.SIGKILL)
                await store.flush()
            with raw(place) as connection:
                ask(connection, hello)
                answers.append((ask(connection, append), ask(connection, fire)))
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][1][2] == [{"fired": True, "execution_id": "e"}]
        assert len(await store.execution("e1")) == 1
        await proves_equal(store)


async def test_a_refused_append_stays_refused_when_it_is_sent_again(place: Place) -> None:
    async with await Store.open(place, host=HOST) as store:
        await store.append([event()], [], Owner("host-1", 1))
        stale = ["append", 1, [["e1", 0, "Happened", "{}"]], [], ["other", 1], None]
        good = ["append", 2, [["e2", 0, "Happened", "{}"]], [], None, None]
        with raw(place) as connection:
            ask(
                connection,
                {
                    "protocol": frames.PROTOCOL,
                    "schema": migrations()[-1][0],
                    "client": "c",
                    "host": "c",
                },
            )
            for request, status in (
                (stale, frames.FAILED),
                (good, frames.OK),
                (stale, frames.FAILED),
                (good, frames.OK),
            ):
                assert ask(connection, request)[1] == status
        assert len(await store.execution("e1")) == 1
        assert len(await store.execution("e2")) == 1


async def test_what_is_no_json_harms_nobody_else(place: Place) -> None:
    """A program that speaks with the storekeeper by itself may send it: it is kept beside the history."""
    async with await Store.open(place, host=HOST) as store:
        with raw(place) as connection:
            hello = {
                "protocol": frames.PROTOCOL,
                "schema": migrations()[-1][0],
                "client": "c",
                "host": "c",
            }
            ask(connection, hello)
            for number, payload, row in (
                (1, "{no json", "{}"),
                (2, "{}", '{"id":'),
                (3, "{}", "{}"),
            ):
                change = ["task_runs", '["t"]', row]
                ask(
                    connection,
                    ["append", number, [["e1", 0, "Told", payload]], [change], None, None],
                )
        await store.append([event(n=1)], [task_run("mine")], None)
        for _ in range(2):
            rows = await store.query("select id from task_runs")
            assert {row["id"] for row in rows} >= {"mine"}
            assert [row["payload"] for row in await store.execution("e1")] == [{}, {"n": 1}]
            os.kill(store.keeper_pid or 0, signal.SIGKILL)
        kept = place.database.with_name(f"{place.database.name}.refused").read_text().splitlines()
        assert [json.loads(line)["seq"] for line in kept] == [1, 2]


async def test_an_epoch_that_is_over_is_refused_even_by_the_next_storekeeper(place: Place) -> None:
    async with await Store.open(place, host=HOST) as store:
        await store.append([event()], [], Owner("host-1", 1))
        assert await store.transact("claim_execution", execution_id="e1", host="host-1") == [
            {"epoch": 2}
        ]
        with pytest.raises(StaleOwner, match="epoch 2"):
            await store.append([event(late=True)], [], Owner("host-1", 1))
        os.kill(store.keeper_pid or 0, signal.SIGKILL)
        with pytest.raises(StaleOwner):
            await store.append([event(late=True)], [], Owner("host-1", 1))
        await store.append([event()], [], Owner("host-1", 2))
        await store.append([event(wish="kill")], [], None)
        assert len(await store.execution("e1")) == 3


async def test_tables_that_were_brought_up_apart_are_equal_after_a_death(place: Place) -> None:
    async with await Store.open(place, host=HOST) as store:
        for number in range(20):
            await store.append([event()], [task_run("t1", position=number)], None)
            await store.transact("kv_set", namespace="n", key="k", value=number)
            assert (await store.query("select value from kv"))[0]["value"] == number
        os.kill(store.keeper_pid or 0, signal.SIGKILL)
        assert (await store.query("select position from task_runs"))[0]["position"] == 19
        assert (await store.query("select value from kv"))[0]["value"] == 19
        await proves_equal(store)


async def test_a_file_that_is_no_history_is_refused_in_words(place: Place) -> None:
    place.create()
    place.database.write_text("not a database, but long enough to be looked at" * 100)
    with pytest.raises(WorkspaceError, match=r"flowbook\.duckdb can't be opened"):
        await Store.open(place, host=HOST)
    assert place.database.read_text().startswith("not a database")


async def test_a_workspace_in_use_on_another_machine_is_refused_by_its_name(place: Place) -> None:
    place.create()
    note = place.database.with_name("in-use.json")
    note.write_text('{"machine": "elsewhere.example", "pid": 4711}')
    with pytest.raises(WorkspaceError, match=r"elsewhere\.example"):
        await Store.open(place, host=HOST, embedded=True)
    assert "elsewhere" in note.read_text()
    long_ago = note.stat().st_mtime - 200
    os.utime(note, (long_ago, long_ago))
    async with await Store.open(place, host=HOST, embedded=True):
        assert socket.gethostname() in note.read_text()
    assert not note.exists()


async def test_a_forked_child_does_not_hold_the_connection(place: Place) -> None:
    """A host whose children live on is still seen to die."""
    async with await Store.open(place, host=HOST) as watcher:
        script = (
            "import asyncio, os, sys; from pathlib import Path\n"
            "from flowbook.store.client import Store; from flowbook.store.rows import HostInfo\n"
            "from flowbook.workspace.place import Place\n"
            "async def main():\n"
            "    await Store.open(Place(Path(sys.argv[1])), host=HostInfo.here('parent', 'cli'))\n"
            "    child = os.fork()\n"
            "    if not child:\n"
            "        os.close(1)\n"
            "        sys.stdin.read()\n"
            "        os._exit(0)\n"
            "    print(child, flush=True)\n"
            "    os.kill(os.getpid(), 9)\n"
            "asyncio.run(main())"
        )
        parent = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            script,
            str(place.root),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert parent.stdout is not None
        child = int(await parent.stdout.readline())
        try:
            await parent.wait()
            values = {"kind": "cli", "pid": parent.pid, "pid_started": "", "machine": HOST.machine}
            await watcher.transact("register_host", id="parent", **values)

            async def closed() -> bool:
                (row,) = [
                    row for row in await watcher.transact("hosts_list") if row["id"] == "parent"
                ]
                return not row["connected"]

            async with asyncio.timeout(10):
                while not await closed():
                    await asyncio.sleep(0.02)
            os.kill(child, 0)  # and all the while the child lives
        finally:
            os.kill(child, signal.SIGKILL)


async def test_a_paused_storekeeper_is_waited_for(place: Place) -> None:
    async with await Store.open(place, host=HOST) as store:
        assert store.keeper_pid is not None
        os.kill(store.keeper_pid, signal.SIGSTOP)
        waiting = asyncio.create_task(store.append([event()], [], None))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        os.kill(store.keeper_pid, signal.SIGCONT)
        assert await asyncio.wait_for(waiting, 20) == 1


async def test_a_second_process_reads_what_the_first_wrote(place: Place) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from flowbook.store.client import Store; from flowbook.store.rows import HostInfo\n"
        "from flowbook.workspace.place import Place\n"
        "async def main():\n"
        "    async with await Store.open(Place(Path(sys.argv[1])), host=HostInfo.here('b', 'cli')) as s:\n"
        "        print(len(await s.execution('e1')))\n"
        "asyncio.run(main())"
    )
    async with await Store.open(place, host=HOST) as store:
        await store.append([event(), event()], [], None)
        run = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", code, str(place.root)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (run.stdout.strip(), run.returncode) == ("2", 0), run.stderr


async def test_the_keepers_process_loads_no_pandas(place: Place) -> None:
    async with await Store.open(place, host=HOST) as store:
        await store.append([event()], [task_run("t")], None)
        await store.query_arrow("task_runs_of", execution_id="e1")
        if not os.path.exists(f"/proc/{store.keeper_pid}/maps"):
            pytest.skip("no /proc here")
        with open(f"/proc/{store.keeper_pid}/maps") as maps:
            assert "pandas" not in maps.read()
    end_keeper(place)


def raw(place: Place) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(Seat(place.runtime, "store").socket))
    return connection


def ask(connection: socket.socket, message: object) -> Any:
    """Send one frame, read one."""
    body = msgpack.packb(message)
    connection.sendall(struct.pack(">I", len(body)) + body)
    (length,) = struct.unpack(">I", _exactly(connection, 4))
    return msgpack.unpackb(_exactly(connection, length), timestamp=3)


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = connection.recv(count - len(found))
        assert part, "the storekeeper hung up"
        found += part
    return found

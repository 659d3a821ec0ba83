"""HTTP requests against a real server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from flowbook.errors import TaskFailed

from .conftest import Answers, Attempt, Site, outputs_of, task

Run = Callable[..., dict[str, Any]]
REQUEST = "core.http.Request"
DOWNLOAD = "core.http.Download"


def test_a_request_hands_back_the_answer(run_task: Run, site: Site) -> None:
    uri = site.says("/a", content=b'{"a": 1}', Content_Type="application/json", X_Two="2")
    outputs = run_task(REQUEST, uri=uri)
    assert (outputs["code"], outputs["body"], outputs["uri"]) == (200, '{"a": 1}', uri)
    assert outputs["headers"]["x-two"] == ["2"]


def test_the_seed_dialect_parses_json(site: Site, seed_attempt: Attempt, run_task: Run) -> None:
    uri = site.says("/a", content=b'{"a": 1}')
    assert run_task(REQUEST, seed_attempt, uri=uri)["body"] == {"a": 1}


def test_parameters_headers_and_body_are_sent(run_task: Run, site: Site, attempt: Attempt) -> None:
    attempt.variables["inputs"] = {"city": "São Paulo"}
    run_task(
        REQUEST,
        uri=site.says("/a") + "?x=1",
        method="post",
        params={"city": "{{ inputs.city }}", "tag": ["a", "b"], "none": None, "on": True},
        headers={"X-Key": "k"},
        body={"n": 1},
        options={"auth": {"type": "BASIC", "username": "u", "password": "p"}},
    )
    method, path, headers, body = site.asked[0]
    assert (method, path) == ("POST", "/a?x=1&city=S%C3%A3o+Paulo&tag=a&tag=b&on=true")
    assert (headers["X-Key"], headers["Content-Type"]) == ("k", "application/json")
    assert headers["Authorization"] == "Basic dTpw"
    assert json.loads(body) == {"n": 1}


def test_parameters_are_added_to_those_of_the_address(run_task: Run, site: Site) -> None:
    run_task(REQUEST, uri=site.says("/a") + "?x=1", params={"x": [2, 3]})
    assert site.asked[0][1] == "/a?x=1&x=2&x=3"


def test_a_body_can_be_kept_from_being_shown(run_task: Run, site: Site, attempt: Attempt) -> None:
    outputs = run_task(REQUEST, uri=site.says("/a", content=b"token"), encryptBody=True)
    assert (outputs["body"], outputs["encryptedBody"]) == (None, "token")
    assert attempt.secrets == ("token",)


def test_a_bearer_token_is_sent(run_task: Run, site: Site) -> None:
    run_task(REQUEST, uri=site.says("/a"), options={"auth": {"type": "BEARER", "token": "t"}})
    assert site.asked[0][2]["Authorization"] == "Bearer t"


def test_a_form_is_sent_urlencoded(run_task: Run, site: Site) -> None:
    run_task(REQUEST, uri=site.says("/a"), method="POST", formData={"a": "1 2", "b": 3})
    assert site.asked[0][3] == b"a=1+2&b=3"


def test_a_multipart_form_sends_files(run_task: Run, site: Site, attempt: Attempt) -> None:
    uri = asyncio.run(attempt.put(b"content", "f.txt"))
    run_task(
        REQUEST,
        uri=site.says("/a"),
        method="POST",
        contentType="multipart/form-data",
        formData={"file": uri, "named": {"name": "x.txt", "content": "text"}, "note": "hi"},
    )
    body = site.asked[0][3]
    assert b'name="file"; filename="f.txt"' in body
    assert b"content" in body
    assert b'name="named"; filename="x.txt"' in body
    assert b'name="note"\r\n' in body


def test_a_refusal_fails_with_its_text(run_task: Run, site: Site) -> None:
    uri = site.says("/gone", 404, b"no such page")
    with pytest.raises(TaskFailed) as failed:
        run_task(REQUEST, uri=uri)
    assert str(failed.value) == f"GET {uri} answered 404 Not Found: no such page"


def test_a_refusal_can_be_allowed(run_task: Run, site: Site) -> None:
    uri = site.says("/gone", 404, b"no such page")
    outputs = run_task(REQUEST, uri=uri, allowFailed=True)
    assert (outputs["code"], outputs["body"]) == (404, "no such page")


def test_only_the_listed_codes_are_a_success(run_task: Run, site: Site) -> None:
    uri = site.says("/a", 202)
    with pytest.raises(TaskFailed, match="answered 202"):
        run_task(REQUEST, uri=uri, options={"allowedResponseCodes": [200]})


def test_an_empty_answer_has_no_body(run_task: Run, site: Site) -> None:
    assert run_task(REQUEST, uri=site.says("/a", 204))["body"] is None


def test_bytes_that_are_no_text_come_as_base64(run_task: Run, site: Site) -> None:
    outputs = run_task(REQUEST, uri=site.says("/a", content=b"\xff\xfe\x00"))
    assert (outputs["body"], outputs["encoding"]) == ("//4A", "base64")


def test_redirects_are_followed_unless_forbidden(run_task: Run, site: Site) -> None:
    there = site.says("/there", content=b"here")
    uri = site.says("/go", 301, Location="/there")
    outputs = run_task(REQUEST, uri=uri)
    assert (outputs["body"], outputs["uri"]) == ("here", there)
    assert run_task(REQUEST, uri=uri, options={"followRedirects": False})["code"] == 301


def test_nobody_there(run_task: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    with pytest.raises(TaskFailed) as failed:
        run_task(REQUEST, uri=uri)
    assert str(failed.value) == f"Cannot reach {uri}: Connection refused"


@pytest.mark.parametrize("uri", ["not an address", "ftp://x/y", "http://", "http://[x"])
def test_no_address(run_task: Run, uri: str) -> None:
    with pytest.raises(TaskFailed, match="is not an address"):
        run_task(REQUEST, uri=uri)


def test_a_slow_answer_fails(run_task: Run, site: Site) -> None:
    import threading

    late = threading.Event()
    uri = site.does("/slow", lambda handler, body: late.wait(20) and None)
    with pytest.raises(TaskFailed, match=r"No answer from http.*/slow within PT0\.2S"):
        run_task(REQUEST, uri=uri, options={"readTimeout": "PT0.2S"})
    late.set()


def test_too_large_an_answer_names_the_way_out(run_task: Run, site: Site) -> None:
    uri = site.says("/big", content=b"x" * 5000)
    with pytest.raises(
        TaskFailed, match=r"larger than 1000 bytes: raise `options\.maxContentLength`"
    ):
        run_task(REQUEST, uri=uri, options={"maxContentLength": 1000})


def test_a_stored_body_is_a_file(run_task: Run, site: Site, attempt: Attempt) -> None:
    outputs = run_task(
        REQUEST, uri=site.says("/a", content=b"text"), store=True, outputFile="b.txt"
    )
    assert attempt.stored(outputs["uri"]) == b"text"
    assert outputs["uri"].endswith("/b.txt")
    assert outputs["body"] == "text"


def test_cancellation_closes_the_connection(site: Site, attempt: Attempt) -> None:
    import threading

    asked, closed = threading.Event(), threading.Event()

    def answer(handler: Answers, body: bytes) -> None:
        asked.set()
        handler.connection.settimeout(20)
        if handler.connection.recv(1) == b"":
            closed.set()

    uri = site.does("/wait", answer)

    async def cancelled() -> None:
        work = asyncio.create_task(task(REQUEST, uri=uri).run(attempt))
        await asyncio.to_thread(asked.wait, 20)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert await asyncio.to_thread(closed.wait, 20)

    asyncio.run(cancelled())


def test_a_download_is_a_file(run_task: Run, site: Site, attempt: Attempt) -> None:
    outputs = run_task(DOWNLOAD, uri=site.says("/data/sales.csv", content=b"a\n1\n"))
    assert attempt.stored(outputs["uri"]) == b"a\n1\n"
    assert outputs["uri"].endswith("/sales.csv")
    assert (outputs["code"], outputs["length"]) == (200, 4)
    assert attempt.shown[-1][0] == 1.0


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="report 1.csv"', "report 1.csv"),
        ("attachment; filename=../../etc/passwd", "passwd"),
        ("attachment; filename*=UTF-8''caf%C3%A9.txt", "café.txt"),
    ],
    ids=["quoted", "a way out", "encoded"],
)
def test_a_download_is_named_by_the_server(
    run_task: Run, site: Site, header: str, name: str
) -> None:
    uri = site.says("/x", content=b"1", Content_Disposition=header)
    assert run_task(DOWNLOAD, uri=uri)["uri"].endswith(f"/{name}")


def test_a_compressed_download_is_unpacked(run_task: Run, site: Site, attempt: Attempt) -> None:
    uri = site.says("/x", content=gzip.compress(b"plain" * 100), Content_Encoding="gzip")
    assert run_task(DOWNLOAD, uri=uri)["length"] == 500


def test_an_empty_download_fails_unless_allowed(run_task: Run, site: Site) -> None:
    uri = site.says("/x", 204)
    with pytest.raises(TaskFailed, match="No response from server"):
        run_task(DOWNLOAD, uri=uri)
    assert run_task(DOWNLOAD, uri=uri, failOnEmptyResponse=False)["length"] == 0


def test_a_refused_download_fails(run_task: Run, site: Site) -> None:
    with pytest.raises(TaskFailed, match="answered 404 Not Found: gone"):
        run_task(DOWNLOAD, uri=site.says("/x", 404, b"gone"))


def test_a_download_cut_short_fails(run_task: Run, site: Site) -> None:
    def answer(handler: Answers, body: bytes) -> None:
        handler.answer(200, b"half", Content_Length="8")
        handler.close_connection = True

    with pytest.raises(TaskFailed, match="the answer is broken"):
        run_task(DOWNLOAD, uri=site.does("/x", answer))


def paged(site: Site, pages: dict[str, Any]) -> str:
    def answer(handler: Answers, body: bytes) -> None:
        handler.answer(200, json.dumps(pages[handler.path]).encode())

    return site.does("/items", answer)


def test_pages_by_token_are_put_together(site: Site, seed_attempt: Attempt) -> None:
    uri = paged(
        site,
        {
            "/items": {"data": [{"id": 1}, {"id": 2}], "more": True},
            "/items?after=2": {"data": [{"id": 3}], "more": False},
        },
    )
    part = task(
        REQUEST,
        uri=uri,
        rateLimit={"requestsPerSecond": 4},
        pagination={
            "type": "next_page",
            "results": "body.data",
            "nextPageToken": "body.more",
            "nextPageCursorPath": "body.data[-1].id",
            "nextPageQueryParams": {"after": "{{ nextPageToken }}"},
        },
    )
    outputs = asyncio.run(outputs_of(part, seed_attempt))
    assert outputs["body"] == {"data": [{"id": 1}, {"id": 2}, {"id": 3}], "more": True}
    assert seed_attempt.slept == [0.25]


def test_pages_by_link_are_put_together(site: Site, seed_attempt: Attempt) -> None:
    site.says("/two", content=b"[3]")
    uri = site.says("/one", content=b"[1, 2]", Link='</two>; rel="next"')
    part = task(REQUEST, uri=uri, pagination={"type": "header_link"})
    assert asyncio.run(outputs_of(part, seed_attempt))["body"] == [1, 2, 3]


def test_pagination_of_no_known_type(run_task: Run, site: Site) -> None:
    with pytest.raises(TaskFailed, match=r"'pagination\.type'"):
        run_task(REQUEST, uri=site.says("/a"), pagination={"type": "magic"})

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from flowbook.errors import FlowbookError, NotFound
from flowbook.storage.files import Storage
from flowbook.storage.uri import (
    UriInvalid,
    cache_prefix,
    execution_of,
    input_prefix,
    is_uri,
    parts,
    slug,
    state_prefix,
    task_prefix,
    trigger_prefix,
    uri_of,
)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "storage")


PREFIX = task_prefix("acme.sales", "My_Flow.v2", "E1", "load_all", "T1")


def test_paths_are_those_of_the_reference() -> None:
    assert PREFIX == "acme/sales/my-flowv2/executions/E1/tasks/load-all/T1"
    assert input_prefix("a.b", "f", "E1", "file") == "a/b/f/executions/E1/inputs/file"
    assert trigger_prefix("a", "f", "E1", "on_file") == "a/f/executions/E1/trigger/on-file"
    assert cache_prefix("a", "f", "t") == "a/f/t/cache"
    assert cache_prefix("a", "f", "t", "x").startswith("a/f/t/cache/")
    assert state_prefix("a.b", None, "s") == "a/b/states/s"
    assert state_prefix("a.b", "f", "s") == "a/b/f/states/s"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My_Flow.v2", "my-flowv2"),
        ("Çafé au lait", "cafe-au-lait"),
        ("--a__b--", "-a-b-"),
        ("x", "x"),
        ("_a_", "a"),
    ],
)
def test_slugs(name: str, expected: str) -> None:
    if name == "--a__b--":
        expected = "a-b"  # collapsed first, then one is trimmed at each end
    assert slug(name) == expected


@pytest.mark.parametrize("source", [b"bytes", "text", io.BytesIO(b"stream")])
def test_what_is_put_is_read_back(storage: Storage, source: object) -> None:
    uri = storage.put(PREFIX, "a b%c#d?é.txt", source=source)  # type: ignore[arg-type]
    assert uri.startswith(
        "kestra:///acme/sales/my-flowv2/executions/E1/tasks/load-all/T1/a%20b%25c%23d%3F"
    )
    assert storage.read(uri) in (b"bytes", b"text", b"stream")
    assert storage.read(uri.replace("kestra:", "flowbook:")) == storage.read(uri)
    assert storage.uri(storage.path(uri)) == uri
    assert storage.list(PREFIX) == [uri]
    assert execution_of(uri) == "E1"
    assert is_uri(uri)


def test_nothing_is_made_before_the_first_file(storage: Storage) -> None:
    assert storage.list() == []
    assert not storage.exists("kestra:///a/b")
    assert not storage.delete("kestra:///a/b")
    assert not storage.root.exists()


def test_a_file_is_copied_or_moved(storage: Storage, tmp_path: Path) -> None:
    made = tmp_path / "made.csv"
    made.write_text("x")
    first = storage.put("a", "copy.csv", source=made)
    assert made.exists()
    second = storage.put("a", "moved.csv", source=made, move=True)
    assert not made.exists()
    assert storage.read(first) == storage.read(second) == b"x"


def test_a_symbolic_link_is_never_moved_in(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("content")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "secret")
    uri = storage.put("a", "file", source=link, move=True)
    assert not storage.path(uri).is_symlink()
    assert (tmp_path / "secret").exists()


def test_a_put_that_fails_leaves_what_was_there(storage: Storage) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise OSError("the line went dead")

    uri = storage.put("a", "file", source=b"before")
    with pytest.raises(OSError, match="dead"):
        storage.put("a", "file", source=Broken())  # type: ignore[arg-type]
    assert storage.read(uri) == b"before"
    assert storage.list() == [uri]


@pytest.mark.parametrize(
    "uri",
    [
        "kestra:///../secret.key",
        "kestra:///a/../../secret.key",
        "kestra:///a/%2e%2e/%2e%2e/secret.key",
        "kestra:///a/..%2f..%2fsecret.key",
        "kestra:///a/%2fetc%2fpasswd",
        "kestra:///a/b%00.txt",
        "kestra:///a/..\\..\\x",
        "kestra:///.",
        "kestra:///",
        "file:///etc/passwd",
        "/etc/passwd",
        "kestra://host/../x",
        "http://x/y",
        "",
        f"kestra:///{'x' * 300}",
    ],
)
def test_no_uri_leads_out(storage: Storage, uri: str) -> None:
    (storage.root / "a").mkdir(parents=True)
    (storage.root.parent / "secret.key").write_text("the key")
    for use in (
        storage.path,
        storage.read,
        storage.open,
        storage.exists,
        storage.size,
        storage.delete,
    ):
        with pytest.raises(UriInvalid):
            use(uri)
    assert (storage.root.parent / "secret.key").exists()


def test_no_segment_leads_out(storage: Storage) -> None:
    for segments in (("..", "x"), ("a/../..", "x"), ("a", ".."), ("a", "\0")):
        with pytest.raises(UriInvalid):
            storage.put(*segments, source=b"x")
    assert storage.put("/etc/", "passwd", source=b"x") == "kestra:///etc/passwd"


def test_a_symbolic_link_does_not_lead_out_either(storage: Storage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    storage.root.mkdir()
    (storage.root / "out").symlink_to(outside)
    (storage.root / "file").symlink_to(outside / "secret")
    for uri in ("kestra:///out/secret", "kestra:///file", "kestra:///out/new"):
        with pytest.raises(UriInvalid):
            storage.read(uri)
    with pytest.raises(UriInvalid):
        storage.put("out", "new", source=b"x")
    assert storage.list() == []
    assert os.listdir(outside) == ["secret"]


def test_reading_is_bounded_and_what_is_missing_is_told(storage: Storage) -> None:
    uri = storage.put("a", "file", source=b"12345")
    assert storage.read(uri, limit=5) == b"12345"
    with pytest.raises(FlowbookError, match="5 bytes"):
        storage.read(uri, limit=4)
    with pytest.raises(NotFound, match="kestra:///a/none"):
        storage.read("kestra:///a/none")


def test_deleting_takes_the_empty_folders_along(storage: Storage) -> None:
    one = storage.put("a/b/c", "one", source=b"1")
    two = storage.put("a/b", "two", source=b"2")
    assert storage.delete("kestra:///a/b/c")
    assert not storage.exists(one)
    assert storage.list("kestra:///a") == [two]
    assert storage.delete(two)
    assert list(storage.root.iterdir()) == []


def test_uris_and_parts_are_inverse() -> None:
    for segments in (("a", "b c"), ("ns", "x+y=z&w.csv"), ("é", "日本.txt"), ("100%", "a;b,c")):
        assert parts(uri_of(*segments)) == segments

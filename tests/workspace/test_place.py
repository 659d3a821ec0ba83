from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowbook.errors import WorkspaceError
from flowbook.workspace.place import VERSION, Place, find
from flowbook.workspace.trust import distrust, is_trusted, trust


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWBOOK_HOME", raising=False)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))


def test_finding_makes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    place = find(root)
    assert place.root == root
    assert not place.exists
    assert not is_trusted(place)
    assert place.id == ""
    assert list(root.iterdir()) == []


def test_the_nearest_marked_folder_at_or_above_counts(tmp_path: Path) -> None:
    Place(tmp_path / "a").create()
    inner = Place(tmp_path / "a" / "b").create()
    below = tmp_path / "a" / "b" / "c" / "d"
    below.mkdir(parents=True)
    assert find(below) == inner
    (below / ".flowbook").mkdir()  # without its marker a folder of this name is no workspace
    assert find(below) == inner
    assert find(tmp_path / "a").root == tmp_path / "a"


def test_flowbook_home_wins_and_the_jupyter_root_is_the_last_resort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    assert find(tmp_path / "work", jupyter_root=tmp_path / "root").root == tmp_path / "root"
    Place(tmp_path / "work").create()
    assert find(tmp_path / "work", jupyter_root=tmp_path / "root").root == tmp_path / "work"
    monkeypatch.setenv("FLOWBOOK_HOME", str(tmp_path / "home"))
    assert find(tmp_path / "work").root == tmp_path / "home"


def test_creating_twice_keeps_the_id(tmp_path: Path) -> None:
    place = Place(tmp_path).create()
    content = json.loads(place.marker.read_text())
    assert content["version"] == VERSION
    assert Place(tmp_path).create().id == content["id"] == place.id
    assert "config.yml" in (place.internal / ".gitignore").read_text()


def test_many_processes_that_create_at_once_agree_on_one_id(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from flowbook.workspace.place import Place
print("ready", flush=True)
input()
print(Place(Path({str(tmp_path)!r})).create().id)
"""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ids = [process.communicate(timeout=60)[0] for process in started]
    assert len(set(ids)) == 1
    assert ids[0].strip()
    assert [
        path.name for path in (tmp_path / ".flowbook").iterdir() if path.name.startswith(".work")
    ] == []


def test_a_newer_layout_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path).create()
    place.marker.write_text(json.dumps({"id": "x", "version": VERSION + 1}))
    with pytest.raises(WorkspaceError, match="newer flowbook"):
        place.check()
    with pytest.raises(WorkspaceError, match="newer flowbook"):
        place.create()
    place.marker.write_text("{")
    with pytest.raises(WorkspaceError, match="can't be read"):
        place.check()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="can't be made"):
        Place(tmp_path / "file").create()


def test_sockets_have_room_however_long_the_path_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("long" * 30)
    assert len(os.fsencode(Place(deep).runtime / "kernels.sock")) <= 107
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(deep))
    runtime = Place(deep).runtime
    assert len(os.fsencode(runtime / "kernels.sock")) <= 107
    assert runtime.parent.stat().st_mode & 0o077 == 0


def test_one_runtime_folder_however_the_root_is_spelled(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Place(tmp_path / "link").runtime == Place(tmp_path / "real").runtime
    assert Place(tmp_path / "other").runtime != Place(tmp_path / "real").runtime


def test_a_workspace_made_by_a_first_write_is_trusted_if_it_had_no_flows(tmp_path: Path) -> None:
    assert is_trusted(Place(tmp_path / "empty").create())
    cloned = tmp_path / "cloned"
    (cloned / "flows").mkdir(parents=True)
    (cloned / "flows" / "etl.yaml").write_text("id: etl")
    place = Place(cloned).create()
    assert not is_trusted(place)
    trust(place)
    assert is_trusted(place)
    assert is_trusted(find(cloned))
    distrust(place)
    assert not is_trusted(place)


def test_trust_is_not_inherited_by_a_copy_nor_by_its_marker(tmp_path: Path) -> None:
    place = Place(tmp_path / "mine").create()
    assert is_trusted(place)
    place.root.rename(tmp_path / "moved")
    assert not is_trusted(Place(tmp_path / "moved"))
    assert not is_trusted(Place(tmp_path / "mine"))
    assert not any("trust" in path.name for path in (tmp_path / "moved").rglob("*"))

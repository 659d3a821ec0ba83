"""Files around a task: those put into its working directory, those taken out, URIs in its text."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from uuid import uuid4

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json, Template

from .globs import spread

URI = re.compile(r"(?:kestra|flowbook|nsfile)://[^\s'\"`<>|;()\[\]{}\\,]+")
IS_URI = re.compile(r"(?:kestra|flowbook|nsfile|file)://\S+")
GLOB = re.compile(r"[\w.?-]*\*[\w.*?-]*")
IF_EXISTS = ("OVERWRITE", "FAIL", "WARN", "IGNORE")
MOST_CAPTURED = 200
LARGEST_CAPTURED = 100 * 2**20

Seen = Mapping[str, tuple[int, int]]
"""Relative path → time of change and size."""


def relative(name: str) -> PurePosixPath:
    """A file's name inside the working directory. Raises `TaskFailed` if it leads elsewhere."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or name.startswith("./"):
        raise TaskFailed(f"Invalid outputFile (only relative path is supported) for path '{name}'")
    return path


async def put_files(
    context: Context, given: Json, directory: Path, extra: Mapping[str, Json]
) -> set[str]:
    """Write `inputFiles` into the directory; their names."""
    files = await _file_map(context, given, extra)
    names = set()
    for name, content in files.items():
        target = directory / relative(name)
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        await put_file(context, content, target)
        names.add(str(relative(name)))
    return names


async def put_file(context: Context, content: Json, target: Path) -> None:
    """One file: the copy of a stored one if the content is a URI, else the content as text."""
    text = content if isinstance(content, str) else _as_text(content)
    if IS_URI.fullmatch(text.strip()):
        source = await context.fetch(text.strip())
        await asyncio.to_thread(_copy, source, target)
    else:
        await asyncio.to_thread(target.write_text, text, encoding="utf-8")


async def local_uris(context: Context, text: str, directory: Path, known: dict[str, str]) -> str:
    """The text with each storage URI replaced by the path of a local copy; the same URI, the same path."""
    for found in URI.findall(text):
        uri = found.rstrip(".:")
        if uri not in known:
            source = await context.fetch(uri)
            target = directory / f"{uuid4().hex}{PurePosixPath(uri).suffix}"
            await asyncio.to_thread(_copy, source, target)
            known[uri] = str(target)
    return URI.sub(lambda match: _replaced(match[0], known), text)


def seen(directory: Path) -> Seen:
    """All regular files below a directory, as they are now."""
    return {
        path.relative_to(directory).as_posix(): (info.st_mtime_ns, info.st_size)
        for path in directory.rglob("*")
        if stat.S_ISREG((info := path.lstat()).st_mode)
    }


def matching(directory: Path, patterns: Sequence[str]) -> list[str]:
    """Names of the files below a directory that globs say, each once; none for none."""
    root = directory.resolve()
    found: dict[str, None] = {}
    for given in patterns:
        pattern = given.removeprefix("glob:").removeprefix("./")
        relative(pattern or ".")
        paths = {path for one in spread(pattern) for path in _globbed(directory, one)}
        for path in sorted(paths):
            if path.is_file() and path.resolve().is_relative_to(root):
                found[path.relative_to(directory).as_posix()] = None
    return list(found)


def _globbed(directory: Path, pattern: str) -> Iterator[Path]:
    """Paths that a glob says; `**` beside other letters of a name stands for folders too."""
    if any("**" in part and part != "**" for part in pattern.split("/")):
        for path in directory.rglob("*"):
            if fnmatchcase(path.relative_to(directory).as_posix(), pattern):
                yield path
        return
    yield from directory.glob(f"{pattern}/*" if pattern.endswith("**") else pattern)


def changed(directory: Path, before: Seen, ignored: set[str]) -> list[str]:
    """Names of files that came or changed, as the seed dialect captures them."""
    names = [
        name
        for name, state in sorted(seen(directory).items())
        if before.get(name) != state
        and name not in ignored
        and state[1] <= LARGEST_CAPTURED
        and not any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))
    ]
    return names[:MOST_CAPTURED]


async def store_files(context: Context, directory: Path, names: Sequence[str]) -> dict[str, str]:
    """Store files under the task run; name → URI."""
    return {
        name: await context.put(directory / name, f"{uuid4().hex[:12]}-{PurePosixPath(name).name}")
        for name in names
    }


async def text_list(context: Context, given: Json, extra: Mapping[str, Json]) -> list[str]:
    """A text, a list of texts or a template of either, rendered."""
    if isinstance(given, Template):
        given = given.source
    if isinstance(given, str):
        rendered = await context.render_text(given, extra)
        try:
            value = json.loads(rendered)  # not YAML: `[ -f x ]` is a command
        except ValueError:
            return [rendered]
        return [str(item) for item in value] if isinstance(value, list) else [rendered]
    return [await context.render_text(str(item), extra) for item in given or ()]


async def text_map(context: Context, given: Json, extra: Mapping[str, Json]) -> dict[str, str]:
    """A map of texts or a template of one, rendered; nulls left out."""
    if isinstance(given, Template):
        given = given.source
    if isinstance(given, str):
        given = await context.render_json(given)
        given = _parsed(given) if isinstance(given, str) else given
    if not isinstance(given, Mapping):
        raise TaskFailed(f"must be a map of names and texts, but is '{str(given)[:200]}'")
    return {
        await context.render_text(str(name), extra): (
            await context.render_text(value, extra) if isinstance(value, str) else _as_text(value)
        )
        for name, value in given.items()
        if value is not None
    }


async def _file_map(context: Context, given: Json, extra: Mapping[str, Json]) -> dict[str, Json]:
    if isinstance(given, Template):
        given = given.source
    if isinstance(given, str):
        text = await context.render_text(given, extra)
        given = _parsed(text)
        if not isinstance(given, Mapping):
            raise TaskFailed(
                f"'inputFiles' must be a map of names and contents, but is '{text[:200]}'"
            )
        return {str(name): content for name, content in given.items()}
    rendered = {}
    for name, content in given.items():
        text = await context.render_text(str(name), extra)
        if isinstance(content, str):
            rendered[text] = await context.render_text(content, extra)
        else:
            rendered[text] = await context.render_json(content)
    return rendered


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            return None


def _as_text(content: Json) -> str:
    if content is None:
        return ""
    return json.dumps(content, ensure_ascii=False, default=str)


def _replaced(found: str, known: Mapping[str, str]) -> str:
    uri = found.rstrip(".:")
    return known[uri] + found[len(uri) :]


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)  # not its mode: what is stored is read-only


def json_files(directory: Path, names: Sequence[str]) -> dict[str, Json]:
    """Small JSON files that hold an object, by their name without ending (seed dialect)."""
    found = {}
    for name in names:
        path = directory / name
        if path.suffix == ".json" and path.stat().st_size <= 2**20:
            try:
                value = json.loads(path.read_bytes())
            except ValueError:
                continue
            if isinstance(value, dict):
                found[path.stem] = value
    return found


async def put_mentioned(context: Context, source: str, directory: Path) -> set[str]:
    """Files of earlier tasks that the text names, itself or by a glob, put read-only into the
    directory (seed dialect)."""
    globs = [glob for glob in GLOB.findall(source) if glob.strip("*?.")]
    placed = set()
    for name, uri in _earlier(context.variables.get("outputs")).items():
        base = PurePosixPath(name).name
        target = directory / base
        named = base in source or any(fnmatchcase(base, glob) for glob in globs)
        if named and not target.exists():
            await asyncio.to_thread(_copy, await context.fetch(uri), target)
            target.chmod(0o444)
            placed.add(base)
    return placed


def _earlier(outputs: Json, depth: int = 4) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(outputs, Mapping) and depth:
        for key, value in outputs.items():
            if key == "outputFiles" and isinstance(value, Mapping):
                found |= {str(name): str(uri) for name, uri in value.items()}
            elif isinstance(value, Mapping):
                found |= _earlier(value, depth - 1)
    return found


async def put_namespace_files(context: Context, given: Json, directory: Path) -> set[str]:
    """The files of the namespace that `namespaceFiles` asks for; their names."""
    from flowbook.plugin.core.namespace.tree import matches, matching, root_of

    wanted = await context.render_json(given)
    wanted = wanted if isinstance(wanted, Mapping) else {"enabled": bool(wanted)}
    if wanted.get("enabled") is False:
        return set()
    include = _patterns(wanted.get("include")) or ["*"]
    exclude = _patterns(wanted.get("exclude"))
    there = str(wanted.get("ifExists") or "OVERWRITE").upper()
    if there not in IF_EXISTS:
        raise TaskFailed(f"'ifExists' must be one of {', '.join(IF_EXISTS)}, but is '{there}'")
    names = set()
    for namespace in _patterns(wanted.get("namespaces")) or [context.namespace]:
        root = root_of(context, namespace)
        for name in matching(root, include):
            if not any(matches(name, pattern) for pattern in exclude):
                placed = f"{namespace}/{name}" if wanted.get("folderPerNamespace") else name
                target = directory / relative(placed)
                if target.exists() and _stays(context, placed, there):
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                await asyncio.to_thread(_copy, root / name, target)
                names.add(placed)
    return names


def _stays(context: Context, name: str, there: str) -> bool:
    """Whether a file already there is left as it is. Raises `TaskFailed` with `ifExists: FAIL`."""
    if there == "FAIL":
        raise TaskFailed(f"The file '{name}' is already in the working directory")
    if there == "WARN":
        context.log("WARN", f"The file '{name}' is already in the working directory and stays")
    return there != "OVERWRITE"


def _patterns(given: Json) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else [str(one) for one in given]


async def fetched_uris(context: Context, text: str) -> str:
    """The text with each storage URI replaced by the path of the stored file itself, to be read only."""
    known = {
        uri: str(await context.fetch(uri))
        for uri in dict.fromkeys(found.rstrip(".:") for found in URI.findall(text))
    }
    return URI.sub(lambda match: _replaced(match[0], known), text)

"""Which reading of the language a document wants: Kestra's, or that of older documents (seed)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping

from ..kinds.dynamic import Json, holds_template
from .entries import Entry, named
from .model import Dialect

PREFIX = "io.kestra.plugin."
SEED_TYPES = frozenset(
    PREFIX + name
    for name in [
        "core.cache.Get",
        "core.cache.Put",
        "core.cache.Increment",
        "core.cache.Decrement",
        "core.cache.Cached",
        "core.cache.Delete",
        "core.cache.Exists",
        "core.flow.Previous",
        "core.flow.Create",
        "core.flow.Get",
        "core.flow.Update",
        "core.flow.Validate",
        "core.flow.Export",
        "core.namespace.CreateNamespace",
        "core.namespace.UpdateNamespace",
        "core.types.Json",
        "core.ssh.Commands",
        "core.condition.Execution",
        "jdbc.elasticsearch.Search",
        "jdbc.elasticsearch.Index",
        "gcp.sheets.Read",
        "gcp.Oauth",
        "aws.sqs.Send",
        "azure.blob.Upload",
        "azure.blob.Copy",
        "amqp.Write",
        "redis.Get",
        "redis.Put",
        "redis.Delete",
        "fs.Delete",
        "notifications.email.EmailSend",
        "dagster.Run",
        "triton.DeployModel",
        "greatexpectations.Validation",
        "airbyte.Sync",
    ]
)
KEYS = frozenset({"conditions", "send", "receive", "maxParallel", "htmlContent", "exitOnFailed"})
EXPRESSION = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
WORDS = re.compile(
    r"\btaskloop\b|\btask\.value\b|\|\s*tojson\b|\.state\.current\b|\bnamespace\.(?:variables|id)\b"
    r"|\bserverUrl\b|\brandom\(\)|\bnow\(\)\.timestamp\(|\bparent\.execution\b"
)
SIGNS = [
    "taskloop",
    "task.value",
    "tojson",
    ".state.current",
    "namespace.variables",
    "namespace.id",
    "serverUrl",
    "random()",
    "now().timestamp(",
    "parent.execution",
    "outputFiles",
    ".vars",
]
"""A text without any of them holds none of the expressions looked for: a look at the whole is cheap."""
SCRIPT_READ = re.compile(
    r"\boutputs\.(?P<task>[\w-]+)\.(?:outputFiles(?:\[\s*['\"](?P<file>[^'\"]+)['\"]\s*\]|\.(?P<name>\w+))|(?P<vars>vars)\b)"
)
PRINTS_JSON = ("json.dumps", "JSON.stringify", "toJSON")


def detect(
    tree: Mapping[str, Json], tasks: list[Entry], text: str, *, structural: bool = False
) -> Dialect:
    """The dialect a document asks for, or shows by what it uses."""
    written = tree.get("dialect")
    if written in ("kestra", "seed"):
        return "seed" if written == "seed" else "kestra"
    return "seed" if structural or next(markers(tree, tasks, text), None) is not None else "kestra"


def markers(tree: Mapping[str, Json], tasks: list[Entry], text: str) -> Iterator[str]:
    """Everything in a document that only the seed dialect has, in words."""
    if "timeout" in tree:
        yield "`timeout` at the root"
    for _, given in named(tree, "inputs"):
        if "id" not in given and "name" in given:
            if "choices" in given or holds_template(given.get("defaults")):
                yield f"input `{given['name']}` with `name`"
    for entry in tasks:
        yield from _of_task(entry)
    if any(sign in text for sign in SIGNS):
        yield from _of_expressions(tree, tasks)


def _of_task(entry: Entry) -> Iterator[str]:
    node = entry.node
    for key in KEYS.intersection(node):
        yield f"`{key}` on a task"
    if isinstance(node.get("transmit"), list):
        yield "`transmit` as a list"
    if "{{" in (entry.id or ""):
        yield "a templated task id"
    kind = entry.type or ""
    if kind in SEED_TYPES:
        yield kind
    elif ".condition." in kind or ".conditions." in kind:
        yield f"{kind} as a task"


def _of_expressions(tree: Mapping[str, Json], tasks: list[Entry]) -> Iterator[str]:
    scripts = {entry.id: entry.node for entry in tasks if entry.type and ".scripts." in entry.type}
    for value in texts(tree):
        if "{" not in value:
            continue
        for found in EXPRESSION.finditer(value):
            expression = found[1] or found[2] or ""
            if word := WORDS.search(expression):
                yield f"`{word[0]}` in an expression"
            for read in SCRIPT_READ.finditer(expression):
                script = scripts.get(read["task"])
                if script is not None and _undeclared(script, read):
                    yield f"`{read[0]}` that the script does not declare"


def _undeclared(script: Mapping[str, Json], read: re.Match[str]) -> bool:
    if read["vars"]:
        text = script.get("script") or "\n".join(map(str, script.get("commands") or ()))
        return (
            isinstance(text, str)
            and any(sign in text for sign in PRINTS_JSON)
            and "::{" not in text
            and "Kestra.outputs" not in text
        )
    declared = script.get("outputFiles")
    if holds_template(declared) or "outputDir" in script:
        return False
    globs = declared if isinstance(declared, list) else [declared] if declared else []
    file = read["file"] or read["name"]
    return not any(fnmatch.fnmatch(file, str(glob)) or glob == file for glob in globs)


def texts(value: Json) -> Iterator[str]:
    """Every text in a value, keys included."""
    if value.__class__ is str:
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if "{" in key:
                yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)

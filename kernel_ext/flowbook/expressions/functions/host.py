"""Functions that the host answers: stored values, secrets, files, requests. Without it they can't be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowbook.errors import ExpressionError

from ..bounds import rendering
from ..filters.collections import is_seed
from ..registry import function_
from ..values import Value

MAX_READ = 50 * 2**20


def service(name: str) -> Callable[..., Value]:
    """What the host offers under a name."""
    scope = rendering().scope
    found = scope.services.get(name) if scope is not None else None
    if found is None:
        raise ExpressionError(f"`{name}` can't be used here")
    return found


@function_("kv")
def kv(key: Value, *args: Value, **kwargs: Value) -> Value:
    """A value of the key-value store: `kv(key, namespace, errorOnMissing)`.

    Missing keys are an error in the kestra dialect and null in the seed dialect, unless `errorOnMissing` says otherwise.

    >>> show("{{ kv('k') }}", services={"kv": lambda key: {"k": 1}[key]})
    '1'
    """
    if is_seed() and len(args) < 2 and "errorOnMissing" not in kwargs:
        kwargs["errorOnMissing"] = False
    return service("kv")(key, *args, **kwargs)


@function_("secret")
def secret(key: Value, *args: Value, **kwargs: Value) -> Value:
    """A secret's value: `secret(key, namespace, subkey, full)`.

    >>> show("{{ secret('K') }}", services={"secret": lambda key: "hidden"})
    'hidden'
    """
    return service("secret")(key, *args, **kwargs)


@function_("read")
def read(path: Value, *args: Value, **kwargs: Value) -> Value:
    """The text of a file of this execution or of the namespace, up to 50 MiB.

    >>> show("{{ read('a.txt') }}", services={"read": lambda path: "text of " + path})
    'text of a.txt'
    """
    found = service("read")(path, *args, **kwargs)
    if isinstance(found, str) and len(found) > MAX_READ:
        raise ExpressionError(f"The file is larger than 50 MiB: {path}")
    return found


@function_("fileURI")
def file_uri(path: str, namespace: str | None = None, *args: Value, **kwargs: Value) -> Value:
    """The address of a namespace file.

    >>> show("{{ fileURI('a/b.txt') }}", flow={"namespace": "acme.sales"})
    'kestra:///acme/sales/_files/a/b.txt'
    """
    if ".." in path.replace("\\", "/").split("/"):
        raise ExpressionError("Path must not contain '../'")
    scope = rendering().scope
    if scope is not None and (found := scope.services.get("fileURI")):
        return found(path, *([namespace] if namespace is not None else []), *args, **kwargs)
    flow = scope.variables.get("flow") if scope is not None else None
    place = namespace or (flow.get("namespace") if isinstance(flow, Mapping) else None)
    if not place:
        raise ExpressionError("`fileURI` can't be used here: there is no namespace")
    return f"kestra:///{str(place).replace('.', '/')}/_files/{path.lstrip('/')}"


@function_("fileSize")
def file_size(path: Value, *args: Value, **kwargs: Value) -> Value:
    """A file's size in bytes.

    >>> show("{{ fileSize('a') }}", services={"fileSize": lambda path: 3})
    '3'
    """
    return service("fileSize")(path, *args, **kwargs)


@function_("fileExists")
def file_exists(path: Value, *args: Value, **kwargs: Value) -> Value:
    """Whether a file exists.

    >>> show("{{ fileExists('a') }}", services={"fileExists": lambda path: False})
    'false'
    """
    return service("fileExists")(path, *args, **kwargs)


@function_("isFileEmpty", "fileEmpty")
def is_file_empty(path: Value, *args: Value, **kwargs: Value) -> Value:
    """Whether a file holds nothing.

    >>> show("{{ isFileEmpty('a') }}", services={"isFileEmpty": lambda path: True})
    'true'
    """
    return service("isFileEmpty")(path, *args, **kwargs)


@function_("http")
def http(uri: Value, *args: Value, **kwargs: Value) -> Value:
    """What an HTTP request answers, parsed if it is JSON.

    >>> show("{{ http('http://a/').n }}", services={"http": lambda uri: {"n": 1}})
    '1'
    """
    return service("http")(uri, *args, **kwargs)


@function_("errorLogs")
def error_logs() -> Value:
    """The execution's log entries of level ERROR: `timestamp`, `level`, `taskId`, `message`.

    >>> show("{{ errorLogs()[0].message }}", services={"errorLogs": lambda: [{"message": "boom"}]})
    'boom'
    """
    return service("errorLogs")()


@function_("env")
def env(name: str, *default: Value, **kwargs: Value) -> Value:
    """An environment variable of the server that the configuration allows.

    >>> show("{{ env('HOME') }}", services={"env": lambda name: "/root"})
    '/root'
    """
    return service("env")(name, *default, **kwargs)


@function_("encrypt")
def encrypt(key: str, plaintext: str) -> str:
    """A text encrypted by a key (Base64 of 32 bytes) with AES-256-GCM.

    >>> show("{{ decrypt(k, encrypt(k, 'flow')) }}", k="A" * 43 + "=")
    'flow'
    """
    import base64
    import secrets

    nonce = secrets.token_bytes(12)
    sealed = _cipher(key).encrypt(nonce, str(plaintext).encode(), None)
    return base64.b64encode(nonce + sealed).decode()


@function_("decrypt")
def decrypt(key: str, encrypted: str) -> str:
    """The text that `encrypt` made unreadable.

    >>> show("{{ decrypt(k, encrypt(k, 'a b')) }}", k="A" * 43 + "=")
    'a b'
    """
    import base64

    from cryptography.exceptions import InvalidTag

    try:
        sealed = base64.b64decode(str(encrypted), validate=True)
        plain: bytes = _cipher(key).decrypt(sealed[:12], sealed[12:], None)
        return plain.decode()
    except (ValueError, InvalidTag) as error:
        raise ExpressionError("The text can't be decrypted with this key") from error


def _cipher(key: str) -> Value:
    import base64

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(base64.b64decode(str(key), validate=True))
    except ValueError as error:
        raise ExpressionError("The key must be Base64 of 32 bytes") from error


def _unsupported(name: str) -> Callable[..., Value]:
    def refuse(*args: Value, **kwargs: Value) -> Value:
        raise ExpressionError(f"`{name}` is not supported")

    refuse.__doc__ = f"""Known by name only.

    >>> show("{{{{ {name}() }}}}")
    Traceback (most recent call last):
    flowbook.errors.ExpressionError: `{name}` is not supported, in the expression `{{{{ {name}() }}}}` at line 1
    """
    return refuse


subflow, credential, app_link = (
    function_(name)(_unsupported(name)) for name in ("subflow", "credential", "appLink")
)
i18n, include, parent = (
    function_(name)(_unsupported(name)) for name in ("i18n", "include", "parent")
)

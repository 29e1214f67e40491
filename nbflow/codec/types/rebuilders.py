"""Facts of exceptions and of what they carry that others can't be asked to store: HTTP responses, requests, ufuncs.

An exception whose class keeps its state where nobody else reaches it (pydantic's, urllib's) has an entry in
``EXCEPTIONS``; a value that exceptions carry, such as the response of a failed request, has one in ``PARTS``. Both are
found by the name of a class, and looked up in ``sys.modules``: nothing is imported here that is not there already.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from nbflow.codec.classes import mro
from nbflow.codec.unloadable import CannotRebuild
from nbflow.codec.wire import PLAIN, to_bytes

SHOWN: Final = 200  # characters that are kept of an input that can't be stored


class Rebuilder(NamedTuple):
    """How values of a class, and of those derived from it, are written and made again.

    Attributes:
        facts: returns what is stored of a value.
        make: makes a value of a class from that.
        covered: attributes that the facts stand for.
        lacks: says what is not among the facts of a value; empty if nothing is missed.
    """

    facts: Callable[[Any], object]
    make: Callable[[Any, Any], Any]
    covered: frozenset[str] = frozenset()
    lacks: Callable[[Any], str] = lambda _: ""


def rebuilder_of(cls: type, table: Mapping[str, Rebuilder]) -> tuple[str, Rebuilder] | None:
    """Return the entry of a class in one of the tables below, and its name."""
    for base in mro(cls):
        row = table.get(f"{base.__module__}:{base.__qualname__}")
        if row is not None:
            return f"{base.__module__}:{base.__qualname__}", row
    return None


def _module(name: str) -> Any:
    found = sys.modules.get(name)
    if found is None:
        raise CannotRebuild(name, "its module is not imported here")
    return found


def _kept(value: object) -> object:
    """Return a value, or its text if it can't be stored."""
    if type(value) not in PLAIN:
        try:
            to_bytes(value)
        except Exception:  # whatever is wrong with it, the failure must be recorded
            return repr(value)[:SHOWN]
    return value


# -- pydantic


def _pydantic_facts(error: Any) -> object:
    details = error.errors(include_url=False)
    lines = [
        [one["type"], one["msg"], list(one["loc"]), _kept(one["input"]), _context(one.get("ctx"))] for one in details
    ]
    return [error.title, lines]


def _context(found: Mapping[str, object] | None) -> object:
    return {key: _kept(item) for key, item in found.items()} if found is not None else None


def _make_pydantic(_: type, facts: list[Any]) -> Any:
    title, lines = facts
    core = _module("pydantic_core")
    return core.ValidationError.from_exception_data(title, [_line(core, *line) for line in lines])


def _line(core: Any, kind: str, text: str, where: list[Any], given: object, context: Any) -> dict[str, object]:
    line: dict[str, object] = {"type": kind, "loc": tuple(where), "input": given}
    if context is not None:
        line["ctx"] = context
    try:
        core.ValidationError.from_exception_data("", [line])
    except (KeyError, TypeError, ValueError):  # a kind of the user's own, or a context that is now text
        line = {**line, "type": core.PydanticCustomError(kind, text, context)}
        line.pop("ctx", None)
    return line


# -- urllib


class _Gone(io.RawIOBase):
    """Stands for the body of a response that was not read before its failure was stored."""

    def readable(self) -> bool:
        return True

    def readinto(self, _: object) -> int:
        raise io.UnsupportedOperation(
            "the body of this response is not kept with a failure; read it in the task, and raise or return it"
        )


def _urllib_facts(error: Any) -> object:
    body = error.fp.getvalue() if isinstance(error.fp, io.BytesIO) else None
    return [error.filename, error.code, error.msg, _header_facts(error.hdrs), body]


def _urllib_lacks(error: Any) -> str:
    return (
        "" if error.fp is None or isinstance(error.fp, io.BytesIO) else "the body of its response can't be read again"
    )


def _make_urllib(cls: type, facts: list[Any]) -> Any:
    url, code, text, headers, body = facts
    maker = _module("urllib.error").HTTPError
    error: Any = OSError.__new__(cls)
    maker.__init__(error, url, code, text, _make_headers(None, headers), _Gone() if body is None else io.BytesIO(body))
    return error


_URLLIB: Final = (
    *("code", "msg", "hdrs", "fp", "filename", "file", "name", "delete", "delete_on_close", "_closer", "headers"),
    *("url", *dir(io.BytesIO)),  # methods of its file, which it keeps once they were asked for
)


def _header_facts(headers: Any) -> object:
    return None if headers is None else [[str(name), str(item)] for name, item in headers.items()]


def _make_headers(_: object, facts: list[list[str]] | None) -> Any:
    if facts is None:
        return None
    from http.client import HTTPMessage

    headers = HTTPMessage()
    for name, item in facts:
        headers[name] = item
    return headers


# -- httpx


def _httpx_request_facts(request: Any) -> object:
    raw = [[name, item] for name, item in request.headers.raw]
    try:
        body = request.content
    except Exception:  # a stream that was not read
        body = None
    return [request.method, str(request.url), raw, body]


def _make_httpx_request(_: object, facts: list[Any]) -> Any:
    httpx = _module("httpx")
    method, url, raw, body = facts
    request = httpx.Request(method, url, content=body)
    request.headers = httpx.Headers([(name, item) for name, item in raw])
    return request


def _httpx_response_facts(response: Any) -> object:
    try:
        body = response.content
    except Exception:  # a stream that was not read
        body = None
    try:
        request = _httpx_request_facts(response.request)
    except RuntimeError:  # it has none
        request = None
    extensions = {
        key: response.extensions[key] for key in ("http_version", "reason_phrase") if key in response.extensions
    }
    raw = [[name, item] for name, item in response.headers.raw]
    return [response.status_code, raw, body, request, extensions, response.default_encoding, response.encoding]


def _make_httpx_response(_: object, facts: list[Any]) -> Any:
    httpx = _module("httpx")
    status, raw, body, request, extensions, default, encoding = facts
    given = {"stream": httpx.SyncByteStream()} if body is None else {"content": body}
    made = _make_httpx_request(None, request) if request is not None else None
    response = httpx.Response(status, request=made, extensions=extensions, default_encoding=default or "utf-8", **given)
    response.headers = httpx.Headers([(name, item) for name, item in raw])  # only now: its body is decoded already
    if body is not None and encoding is not None:
        response.encoding = encoding
    return response


# -- requests


def _requests_request_facts(request: Any) -> object:
    headers = [[str(name), _kept(item)] for name, item in (request.headers or {}).items()]
    return [request.method, request.url, headers, _kept(request.body)]


def _make_requests_request(_: object, facts: list[Any]) -> Any:
    requests = _module("requests")
    request = requests.models.PreparedRequest()
    request.method, request.url, headers, request.body = facts
    request.headers = requests.structures.CaseInsensitiveDict(headers)
    return request


def _requests_response_facts(response: Any) -> object:
    body = vars(response).get("_content")  # its property would read what was not read yet
    body = body if isinstance(body, bytes) else None
    request = _requests_request_facts(response.request) if response.request is not None else None
    headers = [[str(name), str(item)] for name, item in response.headers.items()]
    cookies = [[str(name), str(item)] for name, item in response.cookies.items()]
    facts = [response.status_code, response.url, response.reason, response.encoding, response.elapsed]
    return [*facts, headers, cookies, body, request]


def _make_requests_response(_: object, facts: list[Any]) -> Any:
    requests = _module("requests")
    response = requests.models.Response()
    status, url, reason, encoding, elapsed, headers, cookies, body, request = facts
    response.status_code, response.url, response.reason = status, url, reason
    response.encoding, response.elapsed = encoding, elapsed
    response.headers = requests.structures.CaseInsensitiveDict(headers)
    response.cookies = requests.cookies.cookiejar_from_dict(dict(cookies))
    response.request = _make_requests_request(None, request) if request is not None else None
    if body is None:
        response.raw = _Gone()
    else:
        vars(response).update(_content=body, _content_consumed=True)
    return response


# -- numpy


def _make_ufunc(_: object, name: str) -> Any:
    found = getattr(_module("numpy"), name, None)
    if not isinstance(found, _module("numpy").ufunc):
        raise CannotRebuild("numpy:ufunc", f"numpy has no ufunc {name!r}")
    return found


EXCEPTIONS: Final[dict[str, Rebuilder]] = {
    "pydantic_core._pydantic_core:ValidationError": Rebuilder(_pydantic_facts, _make_pydantic),
    "urllib.error:HTTPError": Rebuilder(_urllib_facts, _make_urllib, frozenset(_URLLIB), _urllib_lacks),
}
PARTS: Final[dict[str, Rebuilder]] = {
    "httpx:Request": Rebuilder(_httpx_request_facts, _make_httpx_request),
    "httpx:Response": Rebuilder(_httpx_response_facts, _make_httpx_response),
    "requests.models:PreparedRequest": Rebuilder(_requests_request_facts, _make_requests_request),
    "requests.models:Response": Rebuilder(_requests_response_facts, _make_requests_response),
    "http.client:HTTPMessage": Rebuilder(_header_facts, _make_headers),
    "numpy:ufunc": Rebuilder(lambda value: value.__name__, _make_ufunc),
}

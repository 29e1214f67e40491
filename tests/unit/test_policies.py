"""Which errors the default policy tries again."""

from __future__ import annotations

import errno
import socket
import ssl
import urllib.error
from email.message import Message
from typing import Any

import httpx
import pytest
import requests
import urllib3

from nbflow.errors import InvalidOptionError, NodeTimeoutError
from nbflow.values.policies import RetryPolicy, check_retry_on, default_retry_on

UNVERIFIED = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)"
REQUEST = httpx.Request("GET", "https://a.example")


class Own(Exception):
    pass


class ClientConnectionError(Exception):
    """As aiohttp has it."""


class ClientOSError(ClientConnectionError, OSError):
    """As aiohttp has it."""


ClientConnectionError.__module__ = ClientOSError.__module__ = "aiohttp.client_exceptions"


class ClientResponseError(Exception):
    """As aiohttp has it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


ClientResponseError.__module__ = "aiohttp.client_exceptions"


def of_requests(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


def of_httpx(status: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("", request=REQUEST, response=httpx.Response(status, request=REQUEST))


def of_urllib(status: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError("https://a.example", status, "", Message(), None)


CLIENTS = [of_requests, of_httpx, of_urllib, ClientResponseError]

AGAIN: list[BaseException] = [
    ConnectionResetError(),
    TimeoutError(),
    socket.gaierror(socket.EAI_AGAIN, "try again"),
    socket.herror(),
    ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
    ssl.SSLZeroReturnError(),
    OSError(errno.EHOSTUNREACH, "no route to host"),
    OSError(errno.ENETUNREACH, "network is unreachable"),
    httpx.ConnectError(""),
    httpx.ReadTimeout(""),
    requests.ConnectionError(),
    requests.ConnectTimeout(),
    requests.ReadTimeout(),
    requests.exceptions.ChunkedEncodingError(),
    requests.exceptions.ProxyError(),
    requests.exceptions.SSLError("EOF occurred in violation of protocol"),
    urllib.error.URLError(ConnectionRefusedError()),
    urllib.error.URLError(socket.gaierror(-3, "temporary failure in name resolution")),
    urllib.error.URLError(TimeoutError()),
    urllib.error.URLError(ssl.SSLEOFError()),
    urllib3.exceptions.ProtocolError("connection broken"),
    urllib3.exceptions.ReadTimeoutError(None, "", ""),  # type: ignore[arg-type]  # where it happened is not asked
    ClientConnectionError(),
    ClientOSError(errno.EPIPE, "broken pipe"),
    NodeTimeoutError("a", "run", 1.0),
    Own(),
]
NEVER: list[BaseException] = [
    FileNotFoundError(),
    PermissionError(),
    OSError(errno.ENOSPC, "no space left"),
    ValueError(),
    KeyError(),
    RuntimeError(),
    AssertionError(),
    ssl.SSLCertVerificationError(1, UNVERIFIED),
    httpx.ConnectError(UNVERIFIED),
    requests.exceptions.SSLError(UNVERIFIED),
    requests.exceptions.InvalidURL(),
    requests.exceptions.MissingSchema(),
    requests.exceptions.JSONDecodeError("", "", 0),
    urllib.error.URLError("unknown url type: abc"),
    urllib.error.URLError(FileNotFoundError()),
    urllib.error.URLError(ssl.SSLCertVerificationError(1, UNVERIFIED)),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", AGAIN, ids=repr)
def test_what_may_pass_is_tried_again(error: BaseException) -> None:
    assert default_retry_on(error)


@pytest.mark.parametrize("error", NEVER, ids=repr)
def test_what_fails_again_is_not(error: BaseException) -> None:
    assert not default_retry_on(error)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("status", "again"),
    [(400, False), (401, False), (404, False), (408, True), (425, True), (429, True), (500, True), (503, True)],
)
def test_an_answer_of_a_server_is_judged_by_its_status(client: Any, status: int, again: bool) -> None:
    assert default_retry_on(client(status)) is again


@pytest.mark.parametrize("given", [ValueError, (ValueError, KeyError), [OSError], lambda _: True])
def test_retry_on_is_checked_by_its_shape(given: Any) -> None:
    check_retry_on("@task", given)


@pytest.mark.parametrize("given", ["ValueError", 7, None, int, (ValueError, "KeyError"), (lambda _: True,)])
def test_and_refused_where_that_cannot_work(given: Any) -> None:
    with pytest.raises(InvalidOptionError, match="retry_on"):
        check_retry_on("@task", given)


def test_help_says_what_is_tried_again() -> None:
    told = RetryPolicy.__doc__ or ""
    assert all(word in told for word in ("time-outs", "httpx", "requests", "urllib", "5xx", "ValueError"))

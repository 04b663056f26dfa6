"""HTTP to one server: many connections, limits of time and size, and readable errors."""

import os
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx

from rankk.errors import RankkError
from rankk.llm.addresses import is_loopback, masked

CONNECT_SECONDS = 10.0
PLAIN = {"Accept-Encoding": "identity"}
"""Asks for answers without compression."""
ENCODINGS = {"": None, "identity": None, "gzip": 31, "x-gzip": 31, "deflate": 15}
"""Content encodings, with the argument that zlib needs for each."""


def _expire_with_unread_bytes(connection: Any) -> None:
    """Let httpcore keep no connection on which more than the answer came.

    The surplus would be read as the answer to the next request, of another query. httpcore itself looks at the socket,
    but not at what came in one piece with the answer.
    """
    expired = connection.has_expired

    def has_expired(self: Any) -> bool:
        return bool(expired(self)) or (self.is_idle() and self._h11_state.trailing_data[0] != b"")

    connection.has_expired = has_expired


for _kind in (httpcore.AsyncHTTP11Connection, httpcore.HTTP11Connection):
    _expire_with_unread_bytes(_kind)


class TooLarge(RankkError):
    """An answer that is longer than the request can have asked for."""


@dataclass(frozen=True)
class Reply:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def shown(self) -> str:
        """The beginning of the text, on one line."""
        return on_one_line(self.content[:2000].decode("utf-8", "replace"), 200) or "nothing"


def on_one_line(text: str, most: int) -> str:
    """The beginning of a server's words, without line breaks and signs that control a terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:most]


def settings(address: str) -> dict[str, Any]:
    """Arguments of an httpx client: proxies and certificates of the environment, but none for this machine.

    RankkError where the environment's proxies or certificates cannot be used.
    """
    remote = not is_loopback(address)
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # unused; without one each client makes its own
    try:
        if remote or address.startswith("https:"):
            verify = httpx.create_ssl_context(trust_env=True)
    except OSError as error:
        raise RankkError(f"the certificates named by SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error}") from None
    return {"trust_env": remote, "verify": verify, "follow_redirects": False}


class Pool:
    """Connections to a server, opened when they are needed: an httpx client for each.

    A client looks at all its connections with every request that begins or ends: with eight it took a sixth longer.
    """

    def __init__(self, address: str, headers: Mapping[str, str], connections: int) -> None:
        self._settings = settings(address)
        self._headers = PLAIN | dict(headers)
        self._most = connections
        self._clients: list[httpx.AsyncClient] = []
        self._requests: list[int] = []  # under way, by client

    async def request(self, method: str, url: str, *, limit: int, json: Any = None) -> Reply:
        """The answer to one request. Raises httpx.HTTPError, or TooLarge where it has more than `limit` bytes."""
        number = self._least_used()
        self._requests[number] += 1
        try:
            async with self._clients[number].stream(method, _url(url), json=json) as response:
                return Reply(response.status_code, response.headers, await _read(response, limit))
        finally:
            self._requests[number] -= 1

    def _least_used(self) -> int:
        """Number of the first client without a request, else of the one with the fewest."""
        if 0 in self._requests:
            return self._requests.index(0)
        if len(self._clients) == self._most:
            return min(range(self._most), key=self._requests.__getitem__)
        try:
            client = httpx.AsyncClient(
                headers=self._headers,
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
                **self._settings,
            )
        except (ValueError, ImportError) as error:
            raise RankkError(f"the proxy that the environment names cannot be used: {masked(str(error))}") from None
        self._clients.append(client)
        self._requests.append(0)
        return len(self._clients) - 1

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()


_url = cache(httpx.URL)
"""Addresses taken apart: a client has a few of them."""


async def _read(response: httpx.Response, limit: int) -> bytes:
    """The body, decompressed. TooLarge as soon as it has more than `limit` bytes."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise httpx.DecodingError(f"content encoding {encoding!r} was not asked for", request=response.request)
    bits = ENCODINGS[encoding]
    decoder = zlib.decompressobj(wbits=bits) if bits else None
    content = bytearray()
    async for chunk in response.aiter_raw():
        try:
            content += decoder.decompress(chunk, limit + 1 - len(content)) if decoder else chunk
        except zlib.error as error:
            raise httpx.DecodingError(str(error), request=response.request) from None
        if len(content) > limit:
            raise TooLarge(f"the answer is longer than {limit:,} bytes, which is more than max_tokens allow")
    if decoder and not decoder.eof:
        raise httpx.DecodingError("the compressed answer is cut off", request=response.request)
    return bytes(content)


def may_pass(status: int) -> bool:
    """Whether the same request may succeed later, by the status that it got."""
    return status in (408, 409, 425, 429) or (status >= 500 and status not in (501, 505))


def why(error: BaseException) -> str:
    """The original message of the system, the TLS library or the resolver, which httpx wraps in its own errors."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.args and not isinstance(cause, TimeoutError):
            text = os.strerror(cause.errno) if isinstance(cause, ConnectionError) and cause.errno else cause.strerror
            if text:
                return masked(text)
    return masked(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def is_refused(error: BaseException) -> bool:
    """Whether nothing listens at the server's port."""
    return isinstance(error, httpx.ConnectError) and any(isinstance(c, ConnectionRefusedError) for c in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Errors from which an error was raised, innermost first."""
    for inner in (error.__cause__, None if error.__cause__ else error.__context__):
        if inner is not None:
            yield from _causes(inner)
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member)
    yield error

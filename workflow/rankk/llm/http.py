"""HTTP to one server: many connections, limits of time and size, and readable errors."""

import os
import ssl
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from rankk.errors import RankkError
from rankk.llm.addresses import is_loopback, masked

CONNECT_SECONDS = 10.0
TIMEOUT = {"timeout": httpx.Timeout(None, connect=CONNECT_SECONDS).as_dict()}
ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)
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
    """Arguments of an httpx transport: proxies and certificates of the environment, but none for this machine.

    RankkError where the environment's certificates cannot be used.
    """
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # unused; without one each transport makes its own
    try:
        if not is_loopback(address) or address.startswith("https:"):
            verify = httpx.create_ssl_context(trust_env=True)
    except OSError as error:
        raise RankkError(f"the certificates named by SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error}") from None
    return {"verify": verify, "trust_env": False, "proxy": _proxy(address)}


def _proxy(address: str) -> str | None:
    """The environment's proxy for an address."""
    parts = urlsplit(address)
    if is_loopback(address) or proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def sent(address: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Headers of every request: these, and user name and password where the address holds them."""
    told = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "rankk", **headers}
    parts = urlsplit(address)
    if parts.username or parts.password:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        told["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return told


class Pool:
    """Connections to a server, opened when they are needed: an httpx transport for each.

    A transport looks at all its connections with every request that begins or ends: with eight it took a sixth longer.
    A client of httpx around it would handle cookies, redirects and authentication, which are not used, in every call.
    """

    def __init__(self, address: str, headers: Mapping[str, str], connections: int) -> None:
        self._settings = settings(address)
        self._headers = sent(address, headers)
        self._most = connections
        self._transports: list[httpx.AsyncHTTPTransport] = []
        self._requests: list[int] = []  # under way, by transport

    async def request(self, method: str, url: str, *, limit: int, json: Any = None) -> Reply:
        """The answer to one request. Raises httpx.HTTPError, or TooLarge where it has more than `limit` bytes."""
        number = self._least_used()
        self._requests[number] += 1
        try:
            request = httpx.Request(method, _url(url), headers=self._headers, json=json, extensions=TIMEOUT)
            response = await self._transports[number].handle_async_request(request)
            try:
                return Reply(response.status_code, response.headers, await _read(response, request, limit))
            finally:
                await response.aclose()
        finally:
            self._requests[number] -= 1

    def _least_used(self) -> int:
        """Number of the first transport without a request, else of the one with the fewest."""
        if 0 in self._requests:
            return self._requests.index(0)
        if len(self._transports) == self._most:
            return min(range(self._most), key=self._requests.__getitem__)
        try:
            transport = httpx.AsyncHTTPTransport(limits=ONE, **self._settings)
        except (ValueError, ImportError) as error:
            raise RankkError(f"the proxy that the environment names cannot be used: {masked(str(error))}") from None
        self._transports.append(transport)
        self._requests.append(0)
        return len(self._transports) - 1

    async def close(self) -> None:
        """Close all connections."""
        for transport in self._transports:
            await transport.aclose()


_url = cache(httpx.URL)
"""Addresses taken apart: a client has a few of them."""


async def _read(response: httpx.Response, request: httpx.Request, limit: int) -> bytes:
    """The body, decompressed. TooLarge as soon as it has more than `limit` bytes."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise httpx.DecodingError(f"content encoding {encoding!r} was not asked for", request=request)
    bits = ENCODINGS[encoding]
    decoder = zlib.decompressobj(wbits=bits) if bits else None
    content = bytearray()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for chunk in response.stream:
        try:
            content += decoder.decompress(chunk, limit + 1 - len(content)) if decoder else chunk
        except zlib.error as error:
            raise httpx.DecodingError(str(error), request=request) from None
        if len(content) > limit:
            raise TooLarge(f"the answer is longer than {limit:,} bytes, which is more than max_tokens allow")
    if decoder and not decoder.eof:
        raise httpx.DecodingError("the compressed answer is cut off", request=request)
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

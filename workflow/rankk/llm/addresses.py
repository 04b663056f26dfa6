"""Addresses and keys of servers: validation, and masking of passwords."""

import json
import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from rankk.errors import RankkError

KEY_VARIABLE = "OPENAI_API_KEY"
EXPECTED = "expected http(s)://host[:port]/v1"


def check_address(address: str) -> str:
    """The address without a slash at its end. ValueError where it is no http address with a host and a valid port."""
    shown = masked(address)
    if not address.isascii() or re.search(r"[\s\x00-\x20\x7f]", address):
        raise ValueError(f"{shown!r}: holds white space or letters that are not ASCII; {EXPECTED}")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{shown!r}: {str(error).lower()}; {EXPECTED}") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{shown!r}: does not begin with http:// or https://; {EXPECTED}")
    if not host or not _is_host(host):
        raise ValueError(f"{shown!r}: names no valid host; {EXPECTED}")
    if port == 0:
        raise ValueError(f"{shown!r}: port 0 cannot be reached; {EXPECTED}")
    if parts.query or parts.fragment:
        raise ValueError(f"{shown!r}: holds a query (?) or a fragment (#); {EXPECTED}")
    return address.rstrip("/")


def _is_host(host: str) -> bool:
    if ":" in host:
        return True  # IPv6, which urlsplit has checked
    labels = host.rstrip(".").split(".")
    return len(host) <= 253 and all(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", x) for x in labels)


def masked(text: str) -> str:
    """A text with the user names and passwords of its addresses replaced by ***."""
    return re.sub(r"(?<=://)[^/?#\s\"]*@", "***@", text)


def without_passwords(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data with masked addresses, which can be published."""
    published: dict[str, Any] = json.loads(masked(json.dumps(settings)))
    return published


def is_loopback(address: str) -> bool:
    """Whether an address is on this machine, for which no proxy is used."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def same_server(address: str, target: str) -> bool:
    """Whether `target` has the host and port of `address`, or is its https form, so that the key may be sent there."""
    old, new = urlsplit(address), urlsplit(target)
    if old.hostname != new.hostname:
        return False
    return (old.scheme, _port(old)) == (new.scheme, _port(new)) or (old.scheme, new.scheme) == ("http", "https")


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def authorization(key: str | None = None) -> dict[str, str]:
    """The header with the key: the given one, or that of the environment. RankkError for an invalid key."""
    key = key or os.environ.get(KEY_VARIABLE)
    if not key:
        return {}
    if not re.fullmatch(r"[\x21-\x7e]+", key) or key[0] in "\"'" or key[-1] in "\"'":
        raise RankkError(
            f"{KEY_VARIABLE}: holds white space, a line break, quotation marks around it or letters that are not "
            f"ASCII; set it again, e.g. export {KEY_VARIABLE}=$(tr -d '[:space:]' < FILE)"
        )
    return {"Authorization": f"Bearer {key}"}

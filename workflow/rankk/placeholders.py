"""Placeholders such as {collection} in the paths of a configuration file."""

import re

from rankk.errors import RankkError

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def fill(text: str, where: str, **values: str) -> str:
    """`text` with every {name} replaced by its value; `{{` and `}}` are literal braces.

    RankkError names `where` (file and key path), the faulty placeholder and those that are known.
    """

    def value(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if match[1] in values:
            return values[match[1]]
        known = ", ".join(f"{{{name}}}" for name in values)
        raise RankkError(f"{where}: {text!r}: unknown placeholder {match[0]}; expected {known}")

    return PLACEHOLDER.sub(value, text)

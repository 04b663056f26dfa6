"""Validation of settings: each error is one line with file, key path and value."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rankk.component import SHOWN
from rankk.config.reranker import Reranker
from rankk.errors import RankkError


def validate(adapter: TypeAdapter[Any], value: Any, file: str, prefix: str = "", context: Any = None) -> Any:
    """`value` as the adapter's type; RankkError names file, key path, value and what was expected."""
    try:
        return adapter.validate_python(value, context=context)
    except ValidationError as error:
        raise RankkError("\n".join(describe(fault, file, prefix) for fault in error.errors())) from None


def validate_reranker(settings: Mapping[str, Any], where: str) -> Reranker:
    """A reranker from settings given outside a configuration file; None: not given."""
    given = {name: value for name, value in settings.items() if value is not None}
    reranker: Reranker = validate(TypeAdapter(Reranker), given, where)
    return reranker


def shown(key: Any) -> str:
    """A key, shortened for a one-line message."""
    return key if isinstance(key, str) and key.isprintable() else repr(key)


def describe(fault: Any, file: str, prefix: str) -> str:
    """One of pydantic's errors as one line."""
    path = prefix
    for part in fault["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{shown(part)}" if path else shown(part)
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "string_type" and isinstance(fault["input"], bool | int | float | date | None):
        message += "; YAML reads a bare no, on, null, 2022 or 2022-01-01 as another type: put it in quotes"
    if fault["type"] == "extra_forbidden":
        return f"{file}: {path}: unknown key; see config/README.md for the keys that are known"
    if fault["type"] == "missing":
        return f"{file}: {path}: missing; it is required"
    if fault["type"] == "value_error":
        return f"{file}: {path}.{message}" if path else f"{file}: {message}"
    return f"{file}: {path}: {fault['input']!r:.{SHOWN}}: {message[0].lower()}{message[1:]}"

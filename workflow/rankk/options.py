"""Command-line options for every setting of a reranker, from the JSON schema of its classes.

Name, type, choices, default and help text of an option are those of the setting, so that a strategy or backend that is
added, by a plugin too, brings its own options.
"""

import argparse
import logging
from collections.abc import Mapping
from typing import Any

import yaml

from rankk.config.reranker import DEFAULT_PRESET, Reranker, default_strategy
from rankk.reranking.presets import load_preset
from rankk.reranking.strategies.base import STRATEGIES

log = logging.getLogger("rankk")

OF_WORKFLOW = {"shards", "title"}
"""Settings of the workflow alone: how a cell is spread over jobs, and its name in figures."""

TYPES = {"integer": int, "number": float, "string": str}


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add an option for each setting; their names are the parser's default `settings`."""
    properties: dict[str, Any] = Reranker.model_json_schema()["properties"]
    settings = {key: field for key, field in properties.items() if key not in OF_WORKFLOW}
    group = parser.add_argument_group("settings of the reranker, as under `rerankers` in a configuration")
    for key, field in settings.items():
        group.add_argument(f"--{key.replace('_', '-')}", dest=key, help=_help(field), **_kind(field))
    parser.set_defaults(settings=list(settings))


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Settings of which the command line says something.

    Options that only other strategies have are left out with a warning, so that a command can be repeated with another
    strategy.
    """
    given = {key: value for key in options.settings if (value := getattr(options, key)) is not None}
    known = STRATEGIES.all()
    name = given.get("strategy") or default_strategy(load_preset(given.get("preset", DEFAULT_PRESET)))
    if isinstance(name, str) and name in known:
        of_others = {key for strategy in known.values() for key in strategy.model_fields}
        for key in of_others - known[name].model_fields.keys() - Reranker.model_fields.keys():
            if given.pop(key, None) is not None:
                log.warning("--%s has no effect: strategy %s has no such setting", key.replace("_", "-"), name)
    return given


def _kind(field: Mapping[str, Any]) -> dict[str, Any]:
    """How argparse reads an option: by its type, or as YAML where it may be a mapping or a list."""
    branches = field.get("anyOf", [field])
    names = [name for branch in branches for name in branch.get("enum", [])]
    types = {branch.get("type") for branch in branches} - {"null"}
    if types == {"boolean"}:
        return {"action": argparse.BooleanOptionalAction}
    if names and len(branches) == 1:
        return {"choices": names}
    for name, kind in TYPES.items():
        if types == {name}:
            return {"type": kind}
    return {"type": _read_yaml, "metavar": f"{{{','.join(names)}}}" if names else None if "string" in types else "YAML"}


def _read_yaml(text: str) -> Any:
    """A mapping or a list in YAML's short form; anything else is text, such as a component's name."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise argparse.ArgumentTypeError(f"not YAML: {' '.join(str(error).split())}") from None


def _help(field: Mapping[str, Any]) -> str:
    text, default = str(field.get("description", "")), field.get("default")
    if "default:" not in text and isinstance(default, str | int | float) and not isinstance(default, bool):
        text += f" (default {default})"
    return text.strip().replace("%", "%%")

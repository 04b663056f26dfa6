"""From YAML files to an Experiment; every fault is one line with file, key path, value and what was expected."""

import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rankk.config.catalog import Model, Retriever
from rankk.config.collections import Collection
from rankk.config.experiment import Experiment
from rankk.config.reranker import Reranker
from rankk.config.training import Training
from rankk.config.translator import Translator
from rankk.config.used import used
from rankk.errors import RankkError
from rankk.evaluation.measures import check_measures
from rankk.io.yaml_files import read_yaml

CATALOG = "config/catalog"
SECTIONS: dict[str, TypeAdapter[Any]] = {
    "collections": TypeAdapter(Collection),
    "retrievers": TypeAdapter(Retriever),
    "rerankers": TypeAdapter(Reranker),
    "models": TypeAdapter(Model),
    "training": TypeAdapter(Training),
    "translators": TypeAdapter(Translator),
}


def load(file: str | Path) -> Experiment:
    """Read one experiment file with the catalog beside the working directory."""
    return check(read_yaml(file), str(file))


def check(config: Mapping[str, Any], file: str, catalog: str | Path = CATALOG) -> Experiment:
    """An Experiment from Snakemake's merged configuration.

    Raises RankkError with one line a fault: file, key path, value and what was expected. Definitions in the
    experiment's own file win over the catalog's; only those that the grid uses are kept.
    """
    if Path(file).is_file():
        read_yaml(file)  # Snakemake's own reader takes the last of two keys
    sources = [(str(path), read_yaml(path)) for path in sorted(Path(catalog).glob("*.yaml"))]
    sources.append((file, {key: config[key] for key in SECTIONS if config.get(key)}))
    definitions: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for source, content in sources:
        content = expand(content, source)
        for section, entries in content.items():
            if section not in SECTIONS:
                raise RankkError(f"{source}: {section}: unknown key; expected one of {', '.join(SECTIONS)}")
            if not isinstance(entries, Mapping):
                raise RankkError(f"{source}: {section}: {entries!r}: expected names with their definitions")
            for name, entry in entries.items():
                definitions[section][name] = validate(SECTIONS[section], entry, source, f"{section}.{name}")
    header = {key: value for key, value in config.items() if key not in SECTIONS}
    experiment: Experiment = validate(TypeAdapter(Experiment), header, file)
    experiment = experiment.model_copy(update=used(experiment, definitions, file))
    for name in experiment.evaluated:
        try:
            check_measures(experiment.collections[name].measures)
        except RankkError as error:
            raise RankkError(f"{file}: collections.{name}.measures: {error}") from None
    return experiment


def expand(value: Any, file: str, path: str = "") -> Any:
    """`value` with ${NAME} in its texts replaced from the environment; RankkError names one that is not set."""
    if isinstance(value, dict):
        return {key: expand(entry, file, f"{path}.{key}" if path else str(key)) for key, entry in value.items()}
    if isinstance(value, list):
        return [expand(entry, file, f"{path}[{number}]") for number, entry in enumerate(value)]
    if isinstance(value, str):
        found = os.path.expandvars(value)
        if missing := re.search(r"\$\{\w+\}", found):
            raise RankkError(f"{file}: {path}: {missing[0]} is not set; export it, then run again")
        return found
    return value


def validate(adapter: TypeAdapter[Any], value: Any, file: str, prefix: str = "") -> Any:
    """`value` as the adapter's type; RankkError names file, key path, value and what was expected."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise RankkError("\n".join(describe(fault, file, prefix) for fault in error.errors())) from None


def validate_reranker(settings: Mapping[str, Any], where: str) -> Reranker:
    """A reranker from settings given outside a configuration file; None: not given."""
    given = {name: value for name, value in settings.items() if value is not None}
    reranker: Reranker = validate(TypeAdapter(Reranker), given, where)
    return reranker


def describe(fault: Any, file: str, prefix: str) -> str:
    """One line for one of pydantic's faults."""
    tags = {
        "files",
        "libreoffice-help",
        "ir-datasets",
        "bright",
        "squad",
        "PackagedModel",
        "AdaptedModel",
        "bm25",
        "splade",
        "run",
        "hybrid",
        "shuffled",
        "dense",
    }  # of unions: not part of the user's key path
    path = prefix
    for part in fault["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in tags:
            path += f".{part}" if path else str(part)
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "string_type" and isinstance(fault["input"], bool | int | float | date | None):
        message += "; YAML reads a bare no, on, null, 2022 or 2022-01-01 as another type: put it in quotes"
    if fault["type"] == "extra_forbidden":
        return f"{file}: {path}: unknown key; see config/README.md for the keys that are known"
    if fault["type"] == "missing":
        return f"{file}: {path}: missing; it is required"
    if fault["type"] == "value_error":
        return f"{file}: {path}.{message}" if path else f"{file}: {message}"
    return f"{file}: {path}: {fault['input']!r}: {message[0].lower()}{message[1:]}"

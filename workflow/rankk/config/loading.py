"""From YAML files to an Experiment; every fault is one line with file, key path, value and what was expected."""

import os
import re
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from rankk import grid
from rankk.config.catalog import Block, Model, Retriever
from rankk.config.collections import Collection, FilesCollection
from rankk.config.experiment import Experiment
from rankk.config.reranker import Reranker
from rankk.config.training import Training, Windows
from rankk.config.translator import Translator
from rankk.errors import RankkError
from rankk.grid import FIRST_STAGE
from rankk.retrieval import prebuilt

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
    sources = [(str(path), read_yaml(path)) for path in sorted(Path(catalog).glob("*.yaml"))]
    sources.append((file, {key: config[key] for key in SECTIONS if config.get(key)}))
    definitions: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for source, content in sources:
        content = expand(content, source)
        for section, entries in content.items():
            if section not in SECTIONS:
                raise RankkError(f"{source}: {section}: unknown key; expected one of {', '.join(SECTIONS)}")
            for name, entry in entries.items():
                definitions[section][name] = validate(SECTIONS[section], entry, source, f"{section}.{name}")
    header = {key: value for key, value in config.items() if key not in SECTIONS}
    experiment: Experiment = validate(TypeAdapter(Experiment), header, file)
    return experiment.model_copy(update=used(experiment, definitions, file))


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


def used(experiment: Experiment, definitions: dict[str, dict[str, Any]], file: str) -> dict[str, dict[str, Any]]:
    """The definitions that the grid names; RankkError for a name that has none, a missing file or language."""
    found: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}

    def take(section: str, name: str, where: str) -> Any:
        if name not in definitions[section]:
            known = ", ".join(sorted(definitions[section])) or "none is defined"
            raise RankkError(f"{file}: {where}: {name!r} is not among the {section}; expected one of: {known}")
        found[section][name] = definitions[section][name]
        return found[section][name]

    def take_model(model: str | None, where: str) -> None:
        if model in found["models"] or model in found["training"]:
            return
        if model in definitions["models"]:
            take_model(getattr(take("models", model, where), "base", None), f"models.{model}.base")
        elif model in definitions["training"]:
            training = take("training", model, where)
            take_model(training.base, f"training.{model}.base")
            for name in {training.reranker, training.teacher} - {"labels"}:
                take_model(take("rerankers", name, f"training.{model}").model, f"rerankers.{name}.model")
            take_first_stages(training.windows, f"training.{model}.windows")

    def take_first_stages(windows: Windows, where: str) -> None:
        for cell in (*windows.of, *windows.development):
            for name in (cell.retriever, *getattr(take("retrievers", cell.retriever, where), "of", [])):
                take_model(getattr(take("retrievers", name, where), "model", None), f"retrievers.{name}.model")
        for name in {cell.collection for cell in (*windows.of, *windows.development)} | set(windows.held_out):
            check_files(file, name, take("collections", name, where))

    for number, block in enumerate(experiment.grid):
        where = f"grid[{number}]"
        for name in block.rerankers:
            if name != FIRST_STAGE:
                take_model(take("rerankers", name, f"{where}.rerankers").model, f"rerankers.{name}.model")
        for name in block.retrievers:
            for member in getattr(take("retrievers", name, f"{where}.retrievers"), "of", []):
                if take("retrievers", member, f"retrievers.{name}.of").type in ("hybrid", "shuffled"):
                    raise RankkError(f"{file}: retrievers.{name}.of: {member!r} is made of others itself; name those")
        for name in list(found["retrievers"]):
            retriever = found["retrievers"][name]
            if retriever.type == "splade":
                take_model(retriever.model, f"retrievers.{name}.model")
        for name in block.collections:
            collection = take("collections", name, f"{where}.collections")
            for language in block.languages:
                if language not in collection.languages:
                    raise RankkError(
                        f"{file}: {where}.languages: {language!r} has no queries in collection {name!r}; "
                        f"expected one of: {', '.join(collection.languages)}"
                    )
            check_files(file, name, collection)
            for language, translation in collection.translations.items():
                place = f"collections.{name}.translations.{language}.translator"
                translator = take("translators", translation.translator, place)
                take_model(translator.model, f"translators.{translation.translator}.model")
            for retriever in found["retrievers"]:
                check_search(file, retriever, name, found["retrievers"][retriever], take)
            check_runs(file, where, block, name, found["retrievers"])
    for reranker, baseline in experiment.baselines.items():
        for name in (reranker, baseline):
            if name not in {cell.reranker for cell in experiment.cells}:
                raise RankkError(f"{file}: baselines.{reranker}: {name!r} is not among the grid's rerankers")
    return found


def check_files(file: str, name: str, collection: Any) -> None:
    """A files collection's paths must exist before any job starts."""
    if not isinstance(collection, FilesCollection):
        return
    paths = {"passages": collection.passages, "qrels": collection.qrels}
    paths |= {f"queries.{language}": path for language, path in collection.queries.items()}
    for key, path in paths.items():
        if grid.local(path) == path and not Path(path).is_file():
            raise RankkError(f"{file}: collections.{name}.{key}: {path}: no such file")


def check_search(file: str, name: str, collection: str, retriever: Any, take: Callable[[str, str, str], Any]) -> None:
    """What a first stage searches in a collection's place must be known, and its index of the right kind."""
    if other := getattr(retriever, "passages_of", {}).get(collection):
        check_files(file, other, take("collections", other, f"retrievers.{name}.passages_of.{collection}"))
    if index := getattr(retriever, "prebuilt", {}).get(collection):
        where = f"{file}: retrievers.{name}.prebuilt.{collection}"
        if other or retriever.split:
            raise RankkError(f"{where}: a prebuilt index is searched as it is; leave out passages_of and split")
        try:
            kind = prebuilt.named(index).type
        except RankkError as error:
            raise RankkError(f"{where}: {error}") from None
        if kind != prebuilt.TYPES[retriever.type]:
            raise RankkError(f"{where}: {index!r} is an {kind} index; expected {prebuilt.TYPES[retriever.type]}")


def check_runs(file: str, where: str, block: Block, collection: str, retrievers: dict[str, Any]) -> None:
    """Runs made elsewhere must exist for every cell that starts from them."""
    named = [member for name in block.retrievers for member in (name, *getattr(retrievers[name], "of", []))]
    for name, language in product(named, block.languages):
        if retrievers[name].type == "run":
            path = retrievers[name].path.format(collection=collection, language=language)
            if not Path(path).is_file():
                raise RankkError(f"{file}: {where}: retrievers.{name}.path: {path}: no such file")


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file."""
    if not Path(path).is_file():
        raise RankkError(f"{path}: no such file")
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RankkError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise RankkError(f"{path}: expected keys and values, found {type(content).__name__}")
    return content


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
    }  # of unions: not part of the user's key path
    path = prefix
    for part in fault["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in tags:
            path += f".{part}" if path else str(part)
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        return f"{file}: {path}: unknown key; see config/README.md for the keys that are known"
    if fault["type"] == "missing":
        return f"{file}: {path}: missing; it is required"
    if fault["type"] == "value_error":
        return f"{file}: {path}.{message}"
    return f"{file}: {path}: {fault['input']!r}: {message[0].lower()}{message[1:]}"

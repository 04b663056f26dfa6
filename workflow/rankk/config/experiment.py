"""An experiment: a grid over the catalog, loaded and checked as a whole."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from rankk import grid
from rankk.config.base import Strict
from rankk.config.catalog import Block, Collection, FilesCollection, PackagedModel, Retriever
from rankk.config.reranker import Reranker
from rankk.errors import RankkError
from rankk.grid import FIRST_STAGE, Cell

CATALOG = "config/catalog"
SECTIONS: dict[str, TypeAdapter[Any]] = {
    "collections": TypeAdapter(Collection),
    "retrievers": TypeAdapter(Retriever),
    "rerankers": TypeAdapter(Reranker),
    "models": TypeAdapter(PackagedModel),
}


def pattern(names: Iterable[str]) -> str:
    """A regular expression for exactly these names; for none of them one that matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


class Experiment(Strict):
    """The grid with the definitions that it uses."""

    experiment: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="names the results' folder")
    description: str = ""
    grid: list[Block] = Field(min_length=1)
    baselines: dict[str, str] = Field(default={}, description="reranker: the reranker it is compared with")
    collections: dict[str, Collection] = {}
    retrievers: dict[str, Retriever] = {}
    rerankers: dict[str, Reranker] = {}
    models: dict[str, PackagedModel] = {}

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cell once, in the grid's order; the first stage of each reranked cell is among them."""
        cells: dict[Cell, None] = {}
        for block in self.grid:
            for names in product(block.collections, block.languages, block.retrievers, block.rerankers):
                cell = Cell(*names)
                cells[cell.first_stage] = None
                cells[cell] = None
        return list(cells)

    @property
    def cells_as_lists(self) -> list[list[str]]:
        """The cells in plain types, for a job's parameters."""
        return [list(astuple(cell)) for cell in self.cells]

    @property
    def baselines_as_lists(self) -> list[list[list[str]]]:
        """Pairs of cell and baseline in plain types."""
        pairs = [(cell, self.baseline(cell)) for cell in self.cells]
        return [[list(astuple(cell)), list(astuple(other))] for cell, other in pairs if other]

    @property
    def jobs(self) -> dict[str, str]:
        """Benchmark file of every job that the cells come from, by "stage: what it made"."""
        jobs = {f"collection: {name}": grid.benchmark("collections", name) for name in self.collections}
        jobs |= {f"model: {name}": grid.benchmark("models", name) for name in self.models}
        for cell in self.cells:
            retriever, where = self.retrievers[cell.retriever].type, f"{cell.collection} {cell.retriever}"
            index = {"bm25": "bm25", "splade": cell.retriever}.get(retriever)
            if index:
                jobs[f"index: {cell.collection} {index}"] = grid.benchmark("index", cell.collection, index)
            if retriever == "splade":
                for what in ("passages", cell.language):
                    file = grid.benchmark("vectors", cell.collection, cell.retriever, what)
                    jobs[f"encode: {where} {what}"] = file
            names = [name for name in astuple(cell) if name != FIRST_STAGE]
            stage = "rerank" if cell.reranked else "retrieve"
            jobs[f"{stage}: {cell.run}"] = grid.benchmark("runs", *names)
        return jobs

    @property
    def downloads(self) -> list[str]:
        """All that comes from a network: folders of fetched collections and models."""
        folders = [path for collection in self.collections.values() for path in collection.files]
        return [path for path in folders if path.startswith(grid.downloads(""))] + [grid.model(m) for m in self.models]

    def bright_revision(self, task: str, queries: str) -> str | None:
        """The commit from which a task of BRIGHT is fetched."""
        named = [
            c for c in self.collections.values() if c.source == "bright" and (c.task, c.queries) == (task, queries)
        ]
        return named[0].revision if named else None

    def retrievers_of(self, type_: str) -> str:
        """A pattern that matches the grid's retrievers of one type and nothing else."""
        return pattern(name for name, retriever in self.retrievers.items() if retriever.type == type_)

    @property
    def reranker_names(self) -> str:
        """A pattern that matches the grid's rerankers and nothing else."""
        return pattern(self.rerankers)

    def rerankers_in_shards(self, *, several: bool) -> str:
        """A pattern that matches the rerankers whose cells are spread over several jobs, or those that are not."""
        return pattern(name for name, reranker in self.rerankers.items() if (reranker.shards > 1) == several)

    def shards(self, suffix: str, **cell: str) -> list[str]:
        """A file of every shard of a cell."""
        numbers = range(self.rerankers[cell["reranker"]].shards)
        return [grid.shard(**cell, number=str(number), suffix=suffix) for number in numbers]

    def search_queries(self, collection: str, language: str, retriever: str) -> str:
        """The queries that the first stage of a cell searches with."""
        settings = self.retrievers[retriever]
        return grid.queries(collection, getattr(settings, "query_language", None) or language)

    def model_files(self, model: str | None) -> list[str]:
        """The folder of a model that the workflow fetches from a package; nothing for hub ids and local folders."""
        return [grid.model(model)] if model in self.models else []

    def responses(self, reranker: str, **cell: str) -> list[str]:
        """The file of stored answers that a cell is computed from; nothing where a model is asked."""
        path = self.rerankers[reranker].responses
        return [path.format(**cell)] if path else []

    def gpus(self, reranker: str) -> int:
        """GPUs that a reranker's engine takes."""
        settings = self.rerankers[reranker]
        return settings.engine.gpus if settings.backend == "vllm" else 0

    def baseline(self, cell: Cell) -> Cell | None:
        """The cell that this one is compared with: its declared baseline's, else its first stage."""
        if not cell.reranked:
            return None
        baseline = Cell(cell.collection, cell.language, cell.retriever, self.baselines.get(cell.reranker, FIRST_STAGE))
        return baseline if baseline in self.cells else cell.first_stage


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

    for number, block in enumerate(experiment.grid):
        where = f"grid[{number}]"
        for name in block.rerankers:
            if name != FIRST_STAGE:
                model = take("rerankers", name, f"{where}.rerankers").model
                if model in definitions["models"]:
                    take("models", model, f"rerankers.{name}.model")
        for name in block.retrievers:
            for member in getattr(take("retrievers", name, f"{where}.retrievers"), "of", []):
                if take("retrievers", member, f"retrievers.{name}.of").type == "hybrid":
                    raise RankkError(f"{file}: retrievers.{name}.of: {member!r} is a hybrid itself; name its members")
        for name in list(found["retrievers"]):
            retriever = found["retrievers"][name]
            if retriever.type == "splade" and retriever.model in definitions["models"]:
                take("models", retriever.model, f"retrievers.{name}.model")
        for name in block.collections:
            collection = take("collections", name, f"{where}.collections")
            for language in block.languages:
                if language not in collection.languages:
                    raise RankkError(
                        f"{file}: {where}.languages: {language!r} has no queries in collection {name!r}; "
                        f"expected one of: {', '.join(collection.languages)}"
                    )
            check_files(file, name, collection)
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
        if not Path(path).is_file():
            raise RankkError(f"{file}: collections.{name}.{key}: {path}: no such file")


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
        "bm25",
        "splade",
        "run",
        "hybrid",
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

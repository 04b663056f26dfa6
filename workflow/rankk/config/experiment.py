"""An experiment: a grid over the catalog, and what the workflow's rules ask about it."""

import re
from collections.abc import Iterable
from dataclasses import astuple
from functools import cached_property
from itertools import product
from typing import Any

from pydantic import Field

from rankk import paths
from rankk.config.base import Strict
from rankk.config.catalog import BM25, AdaptedModel, Block, Model, Retriever, Splade
from rankk.config.collections import Collection
from rankk.config.reranker import Reranker
from rankk.config.training import FirstStageCell, Training
from rankk.config.translator import Translator
from rankk.fetching.hub import is_hub_id
from rankk.paths import FIRST_STAGE, Cell


def pattern(names: Iterable[str]) -> str:
    """A regular expression for exactly these names; for none of them one that matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


class Experiment(Strict):
    """The grid with the definitions that it uses."""

    experiment: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="names the results' folder")
    description: str = ""
    grid: list[Block] = Field(min_length=1)
    mirror: str | None = Field(default=None, description="address of a mirror of the hub, for what is fetched from it")
    baselines: dict[str, str] = Field(default={}, description="reranker: the reranker it is compared with")
    collections: dict[str, Collection] = {}
    retrievers: dict[str, Retriever] = {}
    rerankers: dict[str, Reranker] = {}
    models: dict[str, Model] = {}
    training: dict[str, Training] = {}
    translators: dict[str, Translator] = {}

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
    def evaluated(self) -> list[str]:
        """Names of the collections that the grid's cells are about; others are searched or learnt from only."""
        return list(dict.fromkeys(cell.collection for cell in self.cells))

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
        used = [*self.evaluated, *(self.searched(cell.collection, cell.retriever) for cell in self.cells)]
        jobs = {f"collection: {name}": paths.benchmark("collections", name) for name in used}
        jobs |= {f"model: {name}": paths.benchmark("models", name) for name in (*self.models, *self.training)}
        for cell in self.cells:
            retriever, searched = self.retrievers[cell.retriever], self.searched(cell.collection, cell.retriever)
            if retriever.type in ("bm25", "splade") and cell.collection not in retriever.prebuilt:
                index = self._index_name(cell.retriever)
                jobs[f"index: {searched} {index}"] = paths.benchmark("index", searched, index)
            if retriever.type == "splade":
                for collection, what in ((searched, "passages"), (cell.collection, cell.language)):
                    file = paths.benchmark("vectors", collection, cell.retriever, what)
                    jobs[f"encode: {collection} {cell.retriever} {what}"] = file
            names = [name for name in astuple(cell) if name != FIRST_STAGE]
            stage = "rerank" if cell.reranked else "retrieve"
            jobs[f"{stage}: {cell.run}"] = paths.benchmark("runs", *names)
        return jobs

    @property
    def downloads(self) -> list[str]:
        """All that comes from a network: folders of fetched collections and models."""
        folders = [path for collection in self.collections.values() for path in collection.files]
        for cell in self.cells:
            retriever = self.retrievers[cell.retriever]
            for member in [retriever, *(self.retrievers[name] for name in getattr(retriever, "of", []))]:
                if index := getattr(member, "prebuilt", {}).get(cell.collection):
                    folders.append(paths.prebuilt(index))
        models = [path for name in self.retrievers for path in self.encoder_files(name)]
        models += [path for name in self.rerankers for path in self.model_files(name)]
        models += [path for name in self.translators for path in self.translator_files(name)]
        return list(dict.fromkeys([path for path in folders if path.startswith(paths.downloads(""))] + models))

    def bright_revision(self, task: str, queries: str) -> str | None:
        """The commit from which a task of BRIGHT is fetched."""
        named = [
            c for c in self.collections.values() if c.source == "bright" and (c.task, c.queries) == (task, queries)
        ]
        return named[0].revision if named else None

    def package_sha256(self, package: str) -> str:
        """Checksum of a package that carries collections."""
        return next(c.sha256 for c in self.collections.values() if c.source == "squad" and c.package == package)

    def retrievers_of(self, type_: str) -> str:
        """A pattern that matches the grid's retrievers of one type and nothing else."""
        return pattern(name for name, retriever in self.retrievers.items() if retriever.type == type_)

    @property
    def model_names(self) -> str:
        """A pattern that matches the models that a package carries or that are adapted, and no others."""
        return pattern(self.models)

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
        return [paths.shard(**cell, number=str(number), suffix=suffix) for number in numbers]

    def search_queries(self, collection: str, language: str, retriever: str) -> str:
        """The queries that the first stage of a cell searches with."""
        settings = self.retrievers[retriever]
        return paths.queries(collection, getattr(settings, "query_language", None) or language)

    def searched(self, collection: str, retriever: str) -> str:
        """The collection whose passages a first stage searches."""
        others: dict[str, str] = getattr(self.retrievers[retriever], "passages_of", {})
        return others.get(collection, collection)

    def _searching(self, retriever: str) -> BM25 | Splade:
        settings = self.retrievers[retriever]
        if not isinstance(settings, BM25 | Splade):
            raise TypeError(f"{retriever}: a first stage without an index")
        return settings

    def _index_name(self, retriever: str) -> str:
        """One index serves all BM25 retrievers of a collection that cut its passages alike."""
        settings = self._searching(retriever)
        if settings.type == "splade":
            return retriever
        return f"bm25.{settings.split.tag}" if settings.split else "bm25"

    def index(self, collection: str, retriever: str) -> str:
        """Folder of the index that a first stage searches."""
        if name := self._searching(retriever).prebuilt.get(collection):
            return paths.prebuilt(name)
        return paths.index(self.searched(collection, retriever), self._index_name(retriever))

    def indexed(self, collection: str, retriever: str) -> str:
        """File of the passages, or of their segments, that a retriever's index holds."""
        split = self._searching(retriever).split
        return paths.segments(collection, split.tag) if split else paths.passages(collection)

    def analyzer_language(self, collection: str, retriever: str) -> str:
        """Language of the passages that a first stage searches."""
        return self.collections[self.searched(collection, retriever)].language

    def encoder_files(self, retriever: str) -> list[str]:
        """The folder of a retriever's model that the workflow fetches; nothing for a folder of the user's."""
        settings = self.retrievers[retriever]
        return self._fetched(settings.model, settings.revision) if settings.type in ("splade", "dense") else []

    def model_files(self, reranker: str) -> list[str]:
        """The folder of a reranker's model that the workflow fetches; nothing where a server holds it, or the user."""
        settings = self.rerankers[reranker]
        model = settings.model or settings.preset.model
        if model is None or (not settings.backend.loads_model and model not in self.models):
            return []
        return self._fetched(model, settings.revision)

    def translator_files(self, translator: str) -> list[str]:
        """The folder of a translator's model that the workflow fetches, as for rerankers."""
        settings = self.translators[translator]
        if not settings.backend.loads_model and settings.model not in self.models:
            return []
        return self._fetched(settings.model, settings.revision)

    def first_stage_files(self, cell: FirstStageCell) -> dict[str, str]:
        """Files of a first stage that training windows are drawn from."""
        return {
            "run": paths.run(cell.collection, cell.language, cell.retriever),
            "queries": paths.queries(cell.collection, cell.language),
            "passages": paths.passages(cell.collection),
            "qrels": paths.qrels(cell.collection),
        }

    def held_out_files(self, model: str) -> list[dict[str, str]]:
        """Files of the collections that a model's training must not see, by query language."""
        return [
            {"run": "", "queries": paths.queries(name, language)}
            | {"passages": paths.passages(name), "qrels": paths.qrels(name)}
            for name in self.training[model].windows.held_out
            for language in self.collections[name].own_languages
        ]

    def teacher(self, model: str) -> dict[str, Any] | None:
        """Settings of the reranker that orders a training's windows; None: judgments do."""
        name = self.training[model].teacher
        return None if name == "labels" else self.rerankers[name].deciding()

    def teacher_files(self, model: str) -> list[str]:
        """The folder of the teacher's model that the workflow fetches."""
        name = self.training[model].teacher
        return [] if name == "labels" else self.model_files(name)

    def teacher_gpus(self, model: str) -> int:
        """GPUs that the teacher's engine takes."""
        name = self.training[model].teacher
        return 0 if name == "labels" else self.gpus(name)

    def base_files(self, model: str) -> list[str]:
        """The folder of the model that a trained or adapted one is made from; nothing for a folder of the user's."""
        if model in self.training:
            return self._fetched(self.training[model].base, self.training[model].revision)
        settings = self.models[model]
        return self._fetched(settings.base, None) if isinstance(settings, AdaptedModel) else []

    def _fetched(self, model: str, revision: str | None) -> list[str]:
        if model in self.models or model in self.training:
            return [paths.model(model)]
        return [paths.hub_model(model, revision or "main")] if is_hub_id(model) else []

    def responses(self, reranker: str, **cell: str) -> list[str]:
        """The file of stored answers that a cell is computed from; nothing where a model is asked."""
        return list(self.rerankers[reranker].backend.filled(**cell).input_files().values())

    def gpus(self, reranker: str) -> int:
        """GPUs that a reranker's engine takes."""
        return self.rerankers[reranker].backend.gpus

    def baseline(self, cell: Cell) -> Cell | None:
        """The cell that this one is compared with: its declared baseline's, else its first stage."""
        if not cell.reranked:
            return None
        baseline = Cell(cell.collection, cell.language, cell.retriever, self.baselines.get(cell.reranker, FIRST_STAGE))
        return baseline if baseline in self.cells else cell.first_stage

"""The jobs of an experiment by stage, for the workflow's rules.

Each method answers for one output of a rule: the files that it reads (by name) and the parameters that decide it. A
rule and the function that its script calls use the same mapping of files.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

from rankk import paths
from rankk.component import Component
from rankk.config.reranker import Reranker
from rankk.experiment import Experiment
from rankk.fetching.base import Download
from rankk.fingerprint import fingerprint
from rankk.paths import Cell
from rankk.plan.costs import cost
from rankk.reranking.cell import rerank_cell
from rankk.retrievers.base import Job
from rankk.translation import translate

MARGIN, START_MINUTES, DAY = 2, 60, 1440


def pattern(names: Iterable[str]) -> str:
    """A regular expression that matches exactly these names (nothing if there are none)."""
    return "|".join(map(re.escape, names)) or "(?!)"


@dataclass(frozen=True)
class Stages:
    """Inputs and parameters of the rules of an experiment."""

    experiment: Experiment

    @cached_property
    def downloads(self) -> dict[str, Download]:
        """All downloads by the name of their folder."""
        return {download.target: download for download in self._downloads()}

    def _downloads(self) -> Iterator[Download]:
        experiment = self.experiment
        for corpus in experiment.corpora.values():
            yield from corpus.source.downloads()
        for collection in experiment.collections.values():
            yield from collection.source.downloads()
        for cell in experiment.first_stages:
            yield from experiment.retrievers[cell.retriever].downloads(cell, experiment)
        for settings in experiment.models.values():
            yield from settings.downloads()
        for model, revision in self._models():
            if download := experiment.hub_model(model, revision):
                yield download

    def _models(self) -> Iterator[tuple[str, str | None]]:
        """Models and revisions that components name."""
        experiment = self.experiment
        for retriever in experiment.retrievers.values():
            yield from retriever.model_names()
        named = [experiment.reranker_model(name) for name in experiment.rerankers]
        named += [experiment.translator_model(name) for name in experiment.translators]
        named += [experiment.base_of(name) for name in (*experiment.models, *experiment.training)]
        adapters = [experiment.reranker_adapter(name) for name in experiment.rerankers]
        named += [(adapter, None) for adapter in adapters if adapter]
        yield from (model for model in named if model)

    def corpus_inputs(self, corpus: str) -> dict[str, Any]:
        """Files that a corpus is built from."""
        return self.experiment.corpora[corpus].source.inputs()

    def queries_inputs(self, collection: str, language: str) -> dict[str, Any]:
        """Files that a collection's queries of one language are made from."""
        source = self.experiment.collections[collection].source
        corpus = {"passages": self.passages(collection)} if source.exclude_query_document else {}
        return source.only(language).inputs() | corpus

    def qrels_inputs(self, collection: str) -> dict[str, Any]:
        """Files that a collection's judgments are made from."""
        return self.experiment.collections[collection].source.inputs() | {"passages": self.passages(collection)}

    def passages(self, collection: str) -> str:
        """The passages of a collection's corpus."""
        return paths.passages(self.experiment.collections[collection].corpus)

    def translate_inputs(self, collection: str, language: str) -> dict[str, Any]:
        """Queries that are translated, and the folder of the model that translates them."""
        translation = self.experiment.collections[collection].translations[language]
        model = self.experiment.translator_model(translation.translator)
        files = self.experiment.model_folder(*model) if model else []
        return {"queries": paths.queries(collection, translation.source), "model": files}

    def translate_params(self, collection: str, language: str) -> dict[str, Any]:
        """Parameters that decide a translation."""
        translation = self.experiment.collections[collection].translations[language]
        settings = self.experiment.translators[translation.translator].deciding()
        languages = {"source": translation.source, "target": language}
        return {"translator": settings, "name": translation.translator, **languages, "code": fingerprint(translate)}

    def translator_gpus(self, collection: str, language: str) -> int:
        """GPUs that a translator's engine takes."""
        translation = self.experiment.collections[collection].translations[language]
        return self.experiment.translators[translation.translator].backend.gpus

    @cached_property
    def jobs(self) -> dict[str, Job]:
        """Indexes and encoded texts that first stages need, by their output."""
        experiment = self.experiment
        jobs: dict[str, Job] = {}
        for cell in experiment.first_stages:
            for job in experiment.retrievers[cell.retriever].jobs(cell, experiment):
                jobs.setdefault(job.output, job)
        return jobs

    def run_inputs(self, collection: str, language: str, retriever: str) -> dict[str, Any]:
        """Files that a first stage's run is made from."""
        return self.experiment.retrievers[retriever].inputs(Cell(collection, language, retriever), self.experiment)

    def run_params(self, collection: str, language: str, retriever: str) -> dict[str, Any]:
        """Parameters that decide a first stage's run."""
        return self.experiment.retrievers[retriever].params(Cell(collection, language, retriever), self.experiment)

    def model_inputs(self, model: str) -> dict[str, Any]:
        """Downloads and base that a model of the catalog is made from."""
        settings, base = self.experiment.models[model], self.experiment.base_of(model)
        folder = self.experiment.model_folder(*base) if base else []
        return {"downloads": [download.path for download in settings.downloads()], "base": folder}

    @cached_property
    def benchmarks(self) -> dict[str, str]:
        """Benchmark file of every job of the experiment, by "stage: what it makes"."""
        experiment = self.experiment
        jobs = {f"corpus: {name}": paths.benchmark("corpora", name) for name in experiment.corpora}
        for name, collection in experiment.collections.items():
            jobs[f"collection: {name}"] = paths.benchmark("collections", name)
            for language in collection.languages:
                jobs[f"collection: {name} {language}"] = paths.benchmark("collections", name, language)
        jobs |= {f"model: {name}": paths.benchmark("models", name) for name in experiment.models}
        for output in self.jobs:
            stage, *parts = output.removeprefix(f"{paths.RESULTS}/").removesuffix(".jsonl.gz").split("/")
            jobs[f"{'index' if stage == 'indexes' else 'encode'}: {output}"] = paths.benchmark(stage, *parts)
        for cell in experiment.first_stages:
            jobs[f"retrieve: {cell.run}"] = paths.benchmark("runs", *cell.names)
        for cell in (cell for cell in experiment.cells if cell.reranked):
            shards = experiment.rerankers[cell.reranker].shards
            if shards == 1:
                jobs[f"rerank: {cell.run}"] = paths.benchmark("runs", *cell.names)
            for number in range(shards if shards > 1 else 0):
                jobs[f"rerank: {cell.shard(number, '.trec')}"] = paths.benchmark("runs", *cell.names, str(number))
        return jobs

    @cached_property
    def rerank_params(self) -> dict[str, dict[str, Any]]:
        """Parameters that decide each reranker's cells: settings, the preset's content, the code of what is used."""
        return {name: self._rerank_params(settings) for name, settings in self.experiment.rerankers.items()}

    @staticmethod
    def _rerank_params(settings: Reranker) -> dict[str, Any]:
        components = [value for _, value in settings if isinstance(value, Component)]
        parser = settings.parser or settings.preset.parser
        return {
            "settings": settings.deciding(),
            "code": fingerprint(rerank_cell, *map(type, (*components, parser))),
        }

    def rerank_minutes(self, collection: str, language: str, retriever: str, reranker: str, **_: str) -> int:
        """Minutes that the first try of a cell's job, or of one of its shards, asks for.

        Twice what the plan expects and an engine's start; a day where nothing is known. Further wildcards are ignored.
        """
        settings = self.experiment.rerankers[reranker]
        if not settings.backend.asks_model:
            return START_MINUTES
        cell = Cell(collection, language, retriever, reranker)
        hours = cost(self.experiment, cell, settings.shards).hours
        return DAY if hours is None else START_MINUTES + ceil(MARGIN * 60 * hours)

    def rerankers_in_shards(self, *, several: bool) -> str:
        """A pattern of the rerankers whose cells are spread over several jobs, or of those that are not."""
        rerankers = self.experiment.rerankers.items()
        return pattern(name for name, reranker in rerankers if (reranker.shards > 1) == several)

    def shards(self, suffix: str, **cell: str) -> list[str]:
        """A file of every shard of a cell."""
        numbers = range(self.experiment.rerankers[cell["reranker"]].shards)
        return [Cell(**cell).shard(number, suffix) for number in numbers]

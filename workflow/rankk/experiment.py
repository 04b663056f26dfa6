"""An experiment: the grid's cells, and the definitions that they use."""

import json
from collections.abc import Mapping
from dataclasses import astuple
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, PrivateAttr, model_validator

from rankk import paths
from rankk.component import Component
from rankk.config.backend import WithBackend
from rankk.config.base import Language, Strict, TokenBudget
from rankk.config.reranker import Reranker
from rankk.config.training import Training
from rankk.config.translator import Translator
from rankk.corpora.base import Collection, Corpus
from rankk.fetching.hub import HubModel, is_hub_id
from rankk.fetching.models import Model
from rankk.llm.addresses import check_address, without_passwords
from rankk.paths import FIRST_STAGE, Cell
from rankk.plan.gpus import GpuName
from rankk.retrievers.base import Retriever

TEST_TIME = ("thinking_tokens", "max_tokens", "samples", "shuffle", "merge", "seed")
"""Settings that say how much a reranker computes for one window."""


class Block(Strict):
    """One block of the grid: all combinations of its lists."""

    collections: list[str] = Field(min_length=1, description="names of collections")
    languages: list[Language] = Field(min_length=1, description="languages of the queries")
    retrievers: list[str] = Field(min_length=1, description="names of first stages")
    rerankers: list[str] = Field(
        default=[FIRST_STAGE], min_length=1, description="names of rerankers; none: the first stage alone"
    )

    @model_validator(mode="after")
    def _no_repetition(self) -> "Block":
        for key, names in self:
            if len(set(names)) != len(names):
                raise ValueError(f"{key} names one twice: {', '.join(names)}")
        return self


class Experiment(Strict):
    """The grid with the definitions that it uses."""

    experiment: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100, description="names the results' folder"
    )
    description: str = Field(default="", description="one line for people")
    plugins: list[str] = Field(
        default=[], description="Python files, or modules by their dotted names, that define further components"
    )
    grid: list[Block] = Field(min_length=1, description="blocks of cells")
    mirror: Annotated[str, AfterValidator(check_address)] | None = Field(
        default=None, description="address of a mirror of the hub"
    )
    gpu: GpuName = Field(
        default="h100", description="GPUs of the jobs, for the times that `rankk plan` and the rules expect"
    )
    tokens: TokenBudget | None = Field(
        default=None,
        description="budget of the whole experiment, prompts and answers together: an equal share for each query of "
        "all cells whose rerankers have no budget of their own; left out: no limit",
    )
    baselines: dict[str, str] = Field(
        default={}, description="reranker: the reranker that its gains and tests are computed against"
    )
    corpora: dict[str, Corpus] = Field(default={}, description="passages, by name")
    collections: dict[str, Collection] = Field(default={}, description="queries and judgments, by name")
    retrievers: dict[str, Annotated[Retriever, PlainSerializer(Component.described)]] = Field(
        default={}, description="first stages, by name"
    )
    rerankers: dict[str, Reranker] = Field(default={}, description="models with prompt and strategy, by name")
    models: dict[str, Annotated[Model, PlainSerializer(Component.described)]] = Field(
        default={}, description="models that are on no hub, by name"
    )
    training: dict[str, Training] = Field(default={}, description="models that are trained, by name")
    translators: dict[str, Translator] = Field(default={}, description="models that translate queries, by name")

    _expanded: dict[str, str] = PrivateAttr(default={})
    """Values in which ${NAME} was replaced: the original text by the expanded one."""
    _sharing: frozenset[str] = PrivateAttr(default=frozenset())
    """Rerankers whose cells share the experiment's budget of tokens."""

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
    def titles(self) -> dict[str, str]:
        """Display names of the collections, retrievers and rerankers that have one."""
        entries: dict[str, Collection | Retriever | Reranker] = {**self.collections, **self.retrievers}
        entries |= self.rerankers
        return {name: entry.title for name, entry in entries.items() if entry.title}

    @cached_property
    def test_time(self) -> dict[str, tuple[str, int | None, int]]:
        """Model name, thinking budget and samples of rerankers that differ in budget and samples only."""
        alike: dict[str, list[str]] = {}
        for name in dict.fromkeys(cell.reranker for cell in self.cells if cell.reranked):
            settings = self.rerankers[name].deciding()
            others = {key: value for key, value in settings.items() if key not in TEST_TIME}
            alike.setdefault(json.dumps(others, sort_keys=True), []).append(name)
        found: dict[str, tuple[str, int | None, int]] = {}
        for names in alike.values():
            varied = {name: (self.rerankers[name].thinking_tokens, self.rerankers[name].samples) for name in names}
            if len(set(varied.values())) > 1:
                first = self.rerankers[names[0]]
                model = (first.model or first.preset.model or first.preset.name).rpartition("/")[2]
                label = names[0] if any(model == other for other, *_ in found.values()) else model
                found |= {name: (label, *varied[name]) for name in names}
        return found

    @cached_property
    def first_stages(self) -> list[Cell]:
        """First stages of all cells and of all trainings, and those that these start from, each once."""
        todo = [cell.first_stage for cell in self.cells]
        for training in self.training.values():
            windows = (*training.windows.of, *training.windows.development)
            todo += [Cell(each.collection, each.language, each.retriever) for each in windows]
        cells: dict[Cell, None] = {}
        while todo:
            cell = todo.pop(0)
            if cell not in cells:
                cells[cell] = None
                members = self.retrievers[cell.retriever].members()
                todo += [Cell(cell.collection, cell.language, member) for member in members]
        return list(cells)

    def retrieved(self, retriever: str) -> int | None:
        """Passages that a retriever finds for a query at most; None where a file says."""
        settings = self.retrievers[retriever]
        limits = [depth] if (depth := getattr(settings, "depth", None)) else []
        members = [self.retrieved(member) for member in settings.members()]
        if members and None not in members:
            limits.append(sum(filter(None, members)))
        return min(limits, default=None)

    @property
    def warnings(self) -> list[str]:
        """Messages about settings that are probably a mistake."""
        return [*self.too_deep, *self.missing_folders, *self.unlimited]

    @cached_property
    def too_deep(self) -> list[str]:
        """Rerankers whose depth is larger than that of their first stage."""
        pairs = dict.fromkeys((cell.reranker, cell.retriever) for cell in self.cells if cell.reranked)
        depths = {pair: (self.rerankers[pair[0]].depth, self.retrieved(pair[1])) for pair in pairs}
        return [
            f"rerankers.{reranker}.depth: {depth}: retriever {retriever} finds {found} passages a query, no more are "
            f"reranked; expected depth <= {found}"
            for (reranker, retriever), (depth, found) in depths.items()
            if found and depth > found
        ]

    @cached_property
    def missing_folders(self) -> list[str]:
        """Folders of models and adapters that do not exist on this machine; they may exist where the job runs."""
        named: dict[tuple[str, str], str | None] = {}
        for name in dict.fromkeys(cell.reranker for cell in self.cells if cell.reranked):
            model = self.reranker_model(name)
            named[name, "model"] = model[0] if model and not self.model_folder(*model) else None
            lora = self.reranker_adapter(name)
            named[name, "engine.lora"] = lora if lora and not is_hub_id(lora) else None
        expected = "expected a folder, or the hub's owner/name"
        return [
            f"rerankers.{name}.{key}: {folder}: no such folder on this machine; {expected}"
            for (name, key), folder in named.items()
            if folder and "/" in folder and not Path(folder).is_dir()  # gpt2 is a hub id, too
        ]

    @property
    def unlimited(self) -> list[str]:
        """Rerankers whose strategies make all their calls, in an experiment with a budget of tokens."""
        strategies = {cell.reranker: self.rerankers[cell.reranker].strategy for cell in self.asking}
        return [
            f"tokens: {self.tokens}: rerankers.{name}: strategy {strategy.name} makes all its calls, so that its cells "
            "take tokens beside this budget"
            for name, strategy in strategies.items()
            if self.tokens is not None and not strategy.anytime
        ]

    @property
    def sharing(self) -> list[Cell]:
        """The cells that share the experiment's budget of tokens."""
        return [cell for cell in self.asking if cell.reranker in self._sharing]

    @property
    def asking(self) -> list[Cell]:
        """The reranked cells whose backends ask a model; stored answers (replay) cost nothing."""
        return [cell for cell in self.cells if cell.reranked and self.rerankers[cell.reranker].backend.asks_model]

    @property
    def evaluated(self) -> list[str]:
        """Names of the collections of the grid's cells; other collections are only searched or used for training."""
        return list(dict.fromkeys(cell.collection for cell in self.cells))

    def baseline(self, cell: Cell) -> Cell | None:
        """The cell with which this one is compared: that of its declared baseline, or else its first stage."""
        if not cell.reranked:
            return None
        baseline = Cell(cell.collection, cell.language, cell.retriever, self.baselines.get(cell.reranker, FIRST_STAGE))
        return baseline if baseline in self.cells else cell.first_stage

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
    def backends(self) -> dict[str, dict[str, Any]]:
        """All settings of the backends, by section and by name of the reranker or translator."""
        users: dict[str, Mapping[str, WithBackend]] = {"rerankers": self.rerankers, "translators": self.translators}
        return {
            f"{section}.{name}": {"backend": settings.backend.name} | settings.backend.model_dump(mode="json")
            for section, entries in users.items()
            for name, settings in entries.items()
        }

    @property
    def recorded(self) -> dict[str, Any]:
        """The experiment as plain data for files, with ${NAME} unexpanded and passwords in addresses masked."""
        return without_passwords(_unexpanded(self.model_dump(mode="json"), self._expanded))

    def language_of(self, collection: str) -> str:
        """Language of a collection's passages."""
        return self.corpora[self.collections[collection].corpus].language

    def excluded(self, collection: str, language: str) -> str:
        """The file of passages that the queries' runs must not hold; of translated queries, the originals' file."""
        translation = self.collections[collection].translations.get(language)
        return paths.excluded(collection, translation.source if translation else language)

    def hub_model(self, model: str, revision: str | None) -> HubModel | None:
        """The download of a model that is named by its hub id; None for models of the catalog and folders."""
        if model in self.models or model in self.training or not is_hub_id(model):
            return None
        return HubModel(model=model, revision=revision or "main")

    def model_folder(self, model: str, revision: str | None) -> list[str]:
        """The folder of a model that the workflow provides; an empty list for the user's own folders."""
        if model in self.models or model in self.training:
            return [paths.model(model)]
        download = self.hub_model(model, revision)
        return [download.path] if download else []

    def reranker_model(self, reranker: str) -> tuple[str, str | None] | None:
        """Model and revision of a reranker that the workflow provides; None where a server holds it."""
        settings = self.rerankers[reranker]
        model = settings.model or settings.preset.model
        if model is None or (not settings.backend.loads_model and model not in self.models):
            return None
        return model, settings.revision

    def model_files(self, reranker: str) -> list[str]:
        """The folder of a reranker's model that the workflow provides."""
        model = self.reranker_model(reranker)
        return self.model_folder(*model) if model else []

    def adapter_files(self, reranker: str) -> list[str]:
        """The folder of a reranker's LoRA adapter that the workflow provides."""
        adapter = self.reranker_adapter(reranker)
        return self.model_folder(adapter, None) if adapter else []

    def reranker_adapter(self, reranker: str) -> str | None:
        """The LoRA adapter that a reranker's backend loads with its model."""
        settings = self.rerankers[reranker]
        return settings.backend.adapter(settings.preset.lora)

    def translator_model(self, translator: str) -> tuple[str, str | None] | None:
        """Model and revision of a translator that the workflow provides; None where a server holds it."""
        settings = self.translators[translator]
        if not settings.backend.loads_model and settings.model not in self.models:
            return None
        return settings.model, settings.revision

    def base_of(self, model: str) -> tuple[str, str | None] | None:
        """Model and revision that a trained or adapted model is made from."""
        if model in self.training:
            return self.training[model].base, self.training[model].revision
        base = self.models[model].base_model
        return (base, None) if base else None

    def responses(self, reranker: str, **cell: str) -> list[str]:
        """Files that a reranker's backend reads, such as stored answers."""
        return list(self.rerankers[reranker].backend.filled(**cell).input_files().values())

    def gpus(self, reranker: str) -> int:
        """GPUs that a reranker's engine takes."""
        return self.rerankers[reranker].backend.gpus


def _unexpanded(value: Any, written: Mapping[str, str]) -> Any:
    """Plain data with texts as they were before ${NAME} was expanded."""
    if isinstance(value, dict):
        return {key: _unexpanded(entry, written) for key, entry in value.items()}
    if isinstance(value, list):
        return [_unexpanded(entry, written) for entry in value]
    return written.get(value, value) if isinstance(value, str) else value

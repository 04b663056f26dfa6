"""Of all definitions, those that an experiment names; what they name must be there before any job starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankk import paths
from rankk.config.catalog import Block
from rankk.config.collections import FilesCollection
from rankk.config.experiment import Experiment
from rankk.config.training import Windows
from rankk.errors import RankkError
from rankk.fetching import prebuilt
from rankk.paths import FIRST_STAGE

Definitions = Mapping[str, Mapping[str, Any]]


def used(experiment: Experiment, definitions: Definitions, file: str) -> dict[str, dict[str, Any]]:
    """The definitions that the grid names; RankkError for a name that has none, a missing file or language."""
    names = _Names(definitions, file)
    for number, block in enumerate(experiment.grid):
        names.take_block(block, f"grid[{number}]")
    for reranker, baseline in experiment.baselines.items():
        for name in (reranker, baseline):
            if name not in {cell.reranker for cell in experiment.cells}:
                raise RankkError(f"{file}: baselines.{reranker}: {name!r} is not among the grid's rerankers")
    return names.found


class _Names:
    """Definitions by section, and those of them that were taken, with what they name in turn."""

    def __init__(self, definitions: Definitions, file: str) -> None:
        self._definitions, self._file = definitions, file
        self.found: dict[str, dict[str, Any]] = {section: {} for section in definitions}

    def take_block(self, block: Block, where: str) -> None:
        for name in block.rerankers:
            if name != FIRST_STAGE:
                self._take_reranker(name, f"{where}.rerankers")
        retrievers = {name: self._take_retriever(name, f"{where}.retrievers") for name in block.retrievers}
        for name in block.collections:
            collection = self._take_collection(name, f"{where}.collections")
            for language in block.languages:
                if language not in collection.languages:
                    raise RankkError(
                        f"{self._file}: {where}.languages: {language!r} has no queries in collection {name!r}; "
                        f"expected one of: {', '.join(collection.languages)}"
                    )
            for searched in self._with_members(retrievers):
                self._check_search(searched, name)
                self._check_runs(searched, name, block, where)

    def _take(self, section: str, name: str, where: str) -> Any:
        if name not in self._definitions[section]:
            known = ", ".join(sorted(self._definitions[section])) or "none is defined"
            raise RankkError(f"{self._file}: {where}: {name!r} is not among the {section}; expected one of: {known}")
        self.found[section][name] = self._definitions[section][name]
        return self.found[section][name]

    def _take_model(self, model: str | None, where: str) -> None:
        """A model of the catalog or of a training; other names are those of a hub or folders."""
        if model is None or model in self.found["models"] or model in self.found["training"]:
            return
        if model in self._definitions["models"]:
            self._take_model(getattr(self._take("models", model, where), "base", None), f"models.{model}.base")
        elif model in self._definitions["training"]:
            training = self._take("training", model, where)
            self._take_model(training.base, f"training.{model}.base")
            for name in {training.reranker, training.teacher} - {"labels"}:
                self._take_reranker(name, f"training.{model}")
            self._take_windows(training.windows, f"training.{model}.windows")

    def _take_windows(self, windows: Windows, where: str) -> None:
        for cell in (*windows.of, *windows.development):
            self._take_retriever(cell.retriever, where)
        for name in {cell.collection for cell in (*windows.of, *windows.development)} | set(windows.held_out):
            self._take_collection(name, where)

    def _take_reranker(self, name: str, where: str) -> None:
        self._take_model(self._take("rerankers", name, where).model, f"rerankers.{name}.model")

    def _take_retriever(self, name: str, where: str) -> Any:
        """A retriever, and those that it is made of."""
        retriever = self._take("retrievers", name, where)
        self._take_model(getattr(retriever, "model", None), f"retrievers.{name}.model")
        for member in getattr(retriever, "of", []):
            if self._take_retriever(member, f"retrievers.{name}.of").type in ("hybrid", "shuffled", "dense"):
                raise RankkError(f"{self._file}: retrievers.{name}.of: {member!r} is made of others itself; name those")
        return retriever

    def _take_collection(self, name: str, where: str) -> Any:
        collection = self._take("collections", name, where)
        self._check_files(name, collection)
        for language, translation in collection.translations.items():
            place = f"collections.{name}.translations.{language}.translator"
            translator = self._take("translators", translation.translator, place)
            self._take_model(translator.model, f"translators.{translation.translator}.model")
        return collection

    def _with_members(self, retrievers: Mapping[str, Any]) -> list[str]:
        """Names of retrievers and of those that they are made of."""
        return list(dict.fromkeys(name for own in retrievers for name in (own, *getattr(retrievers[own], "of", []))))

    def _check_files(self, name: str, collection: Any) -> None:
        """A files collection's paths must exist."""
        if not isinstance(collection, FilesCollection):
            return
        files = {"passages": collection.passages, "qrels": collection.qrels}
        files |= {f"queries.{language}": path for language, path in collection.queries.items()}
        for key, path in files.items():
            if paths.local(path) == path and not Path(path).is_file():
                raise RankkError(f"{self._file}: collections.{name}.{key}: {path}: no such file")

    def _check_search(self, name: str, collection: str) -> None:
        """What a first stage searches in a collection's place must be known, and its index of the right kind."""
        retriever = self.found["retrievers"][name]
        if other := getattr(retriever, "passages_of", {}).get(collection):
            self._take_collection(other, f"retrievers.{name}.passages_of.{collection}")
        if index := getattr(retriever, "prebuilt", {}).get(collection):
            where = f"{self._file}: retrievers.{name}.prebuilt.{collection}"
            if other or retriever.split:
                raise RankkError(f"{where}: a prebuilt index is searched as it is; leave out passages_of and split")
            try:
                kind = prebuilt.named(index).type
            except RankkError as error:
                raise RankkError(f"{where}: {error}") from None
            if kind != prebuilt.TYPES[retriever.type]:
                raise RankkError(f"{where}: {index!r} is an {kind} index; expected {prebuilt.TYPES[retriever.type]}")

    def _check_runs(self, name: str, collection: str, block: Block, where: str) -> None:
        """Runs made elsewhere must exist for every cell that starts from them."""
        retriever = self.found["retrievers"][name]
        for language in block.languages if retriever.type == "run" else ():
            path = retriever.path.format(collection=collection, language=language)
            if not Path(path).is_file():
                raise RankkError(f"{self._file}: {where}: retrievers.{name}.path: {path}: no such file")

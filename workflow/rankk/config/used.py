"""The definitions that an experiment uses; files that they name must exist before any job starts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rankk.config.base import check_name
from rankk.config.definitions import SECTIONS, definition, split_collection
from rankk.config.validation import shown
from rankk.corpora.base import Collection
from rankk.corpora.files import FilesPassages, FilesTopics
from rankk.errors import RankkError
from rankk.experiment import Block, Experiment
from rankk.io.files import is_file
from rankk.paths import FIRST_STAGE


@dataclass(frozen=True)
class Entry:
    """A definition as read from a file."""

    value: Any
    file: str
    folders: tuple[Path, ...]


class Definitions:
    """Entries of all files by section and name; later files win. An entry is checked when it is first used."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._entries: dict[str, dict[str, Entry]] = {section: {} for section in SECTIONS}
        self._checked: dict[tuple[str, str], Any] = {}

    def add(self, content: Mapping[str, Any], file: str, folders: tuple[Path, ...]) -> None:
        """Add a file's sections. `folders`: where its relative paths are looked for."""
        for section, entries in content.items():
            if section not in SECTIONS:
                raise RankkError(f"{file}: {section}: unknown key; expected one of {', '.join(SECTIONS)}")
            if not isinstance(entries, Mapping):
                raise RankkError(f"{file}: {section}: {entries!r}: expected names with their definitions")
            for name, value in entries.items():
                try:
                    check_name(name)
                except ValueError as error:
                    raise RankkError(f"{file}: {section}: {error}") from None
                self._add(section, name, value, file, folders)

    def _add(self, section: str, name: str, value: Any, file: str, folders: tuple[Path, ...]) -> None:
        if section == "collections":
            value, corpus = split_collection(value, name, file, f"collections.{name}")
            if corpus is not None:
                self._entries["corpora"][name] = Entry(corpus, file, folders)
        self._entries[section][name] = Entry(value, file, folders)
        if file == self.file:
            self.get(section, name)  # the experiment's own definitions are checked even if nothing uses them

    def names(self, section: str) -> list[str]:
        """Names of all definitions of a section."""
        return sorted(self._entries[section])

    def get(self, section: str, name: str) -> Any:
        """A checked definition."""
        if (section, name) not in self._checked:
            entry = self._entries[section][name]
            path = f"{section}.{name}"
            if section == "corpora" and name in self._entries["collections"]:
                path = f"collections.{name}"  # where a corpus of one collection is described
            self._checked[section, name] = definition(section, entry.value, entry.file, path, entry.folders)
        return self._checked[section, name]


def used(experiment: Experiment, definitions: Definitions) -> dict[str, dict[str, Any]]:
    """The definitions that the grid names; RankkError for a name that has none, a missing file or language."""
    names = _Names(definitions)
    for number, block in enumerate(experiment.grid):
        names.take_block(block, f"grid[{number}]")
    _check_baselines(experiment, definitions.file)
    whole = experiment.model_copy(update=names.kept)
    _check_titles(whole, definitions.file)
    _check_first_stages(whole, definitions.file)
    _check_stored_answers(whole, definitions.file)
    return names.kept


def _check_baselines(experiment: Experiment, file: str) -> None:
    rerankers = {cell.reranker for cell in experiment.cells}
    for reranker, baseline in experiment.baselines.items():
        for name in (reranker, baseline):
            if name not in rerankers:
                raise RankkError(f"{file}: baselines.{shown(reranker)}: {name!r} is not among the grid's rerankers")
        if reranker == baseline:
            raise RankkError(f"{file}: baselines.{shown(reranker)}: a reranker cannot be its own baseline")
        if experiment.baselines.get(baseline) == reranker:
            raise RankkError(
                f"{file}: baselines.{shown(reranker)}: {reranker!r} and {baseline!r} are each other's baseline, which "
                "would test one comparison twice; leave out one"
            )


def _check_titles(experiment: Experiment, file: str) -> None:
    """Figures and tables tell cells apart by what is shown of them.

    No two collections and no two rerankers may be shown alike, nor two retrievers of one collection. Display names are
    looked up by name alone, whatever it names.
    """
    shown_as: dict[tuple[str, ...], str] = {}
    titles: dict[str, str] = {FIRST_STAGE: "first stage"}
    for cell in experiment.cells:
        for kind in ("collection", "retriever", "reranker"):
            name = getattr(cell, kind)
            where = f"{file}: {kind}s.{shown(name)}"
            title = titles[name] if name == FIRST_STAGE else getattr(experiment, f"{kind}s")[name].title or name
            if titles.setdefault(name, title) != title:
                raise RankkError(f"{where}: another definition of that name is shown as {titles[name]!r}; rename one")
            within = (cell.collection,) if kind == "retriever" else ()
            if (other := shown_as.setdefault((kind, *within, title), name)) != name:
                raise RankkError(f"{where}: is shown as {title!r}, as {other!r} is; give it a title of its own")


def _check_first_stages(experiment: Experiment, file: str) -> None:
    """Let each retriever check the collections and languages of its cells."""
    for cell in experiment.first_stages:
        try:
            experiment.retrievers[cell.retriever].check(cell, experiment)
            experiment.retrievers[cell.retriever].inputs(cell, experiment)
        except (ValueError, RankkError) as error:
            raise RankkError(
                f"{file}: retrievers.{cell.retriever}.{error} (collection {cell.collection}, {cell.language})"
            ) from None


def _check_stored_answers(experiment: Experiment, file: str) -> None:
    """Check that stored answers exist for each cell of a reranker that replays them."""
    for cell in experiment.cells:
        if not cell.reranked:
            continue
        where = f"{file}: rerankers.{cell.reranker}"
        try:
            answers = experiment.responses(**asdict(cell))
        except RankkError as error:
            raise RankkError(f"{where}.{error}") from None
        if missing := [path for path in answers if not is_file(path)]:
            raise RankkError(f"{where}.responses: {missing[0]}: no such file")


class _Names:
    """Definitions in use, including those that they refer to."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions, self._file = definitions, definitions.file
        self.kept: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
        self._taking: list[str] = []

    def take_block(self, block: Block, where: str) -> None:
        """Take all definitions that a block of the grid names."""
        for name in block.rerankers:
            if name != FIRST_STAGE:
                self._take_reranker(name, f"{where}.rerankers")
        for name in block.retrievers:
            self._take_retriever(name, f"{where}.retrievers")
        for name in block.collections:
            collection = self._take_collection(name, f"{where}.collections")
            for language in block.languages:
                if language not in collection.languages:
                    raise RankkError(
                        f"{self._file}: {where}.languages: {language!r} has no queries in collection {name!r}; "
                        f"expected one of: {', '.join(collection.languages)}"
                    )

    def _take(self, section: str, name: str, where: str) -> Any:
        known = self._definitions.names(section)
        if name not in known:
            names = ", ".join(known) or "none is defined"
            raise RankkError(f"{self._file}: {where}: {name!r} is not among the {section}; expected one of: {names}")
        self.kept[section][name] = self._definitions.get(section, name)
        return self.kept[section][name]

    def _nested(self, name: str, where: str) -> None:
        """Reject a definition that depends on itself."""
        if name in self._taking:
            cycle = " -> ".join([*self._taking[self._taking.index(name) :], name])
            raise RankkError(f"{self._file}: {where}: made from itself: {cycle}")

    def _take_model(self, model: str | None, where: str) -> None:
        """Take a model of the catalog or of a training; other names are hub ids or folders."""
        if model is None or model in self.kept["models"] or model in self.kept["training"]:
            return
        if model in self._definitions.names("models"):
            self._take_base(self._take("models", model, where).base_model, model, f"models.{model}.base")
        elif model in self._definitions.names("training"):
            training = self._take("training", model, where)
            self._take_base(training.base, model, f"training.{model}.base")
            for name in {training.reranker, training.teacher} - {"labels"}:
                self._take_reranker(name, f"training.{model}")
            windows = training.windows
            for cell in (*windows.of, *windows.development):
                self._take_retriever(cell.retriever, f"training.{model}.windows")
                self._take_collection(cell.collection, f"training.{model}.windows")
            for name in windows.held_out:
                self._take_collection(name, f"training.{model}.windows.held_out")

    def _take_base(self, base: str | None, model: str, where: str) -> None:
        """Take the base of a model that is adapted or trained."""
        self._taking.append(f"model {model}")
        self._nested(f"model {base}", where)
        self._take_model(base, where)
        self._taking.pop()

    def _take_reranker(self, name: str, where: str) -> None:
        reranker = self._take("rerankers", name, where)
        self._take_model(reranker.model, f"rerankers.{name}.model")
        if not (reranker.model or reranker.preset.model) and reranker.backend.asks_model:
            raise RankkError(
                f"{self._file}: rerankers.{name}.model: missing; preset {reranker.preset.name} names no model"
            )

    def _take_retriever(self, name: str, where: str) -> None:
        """Take a retriever, and the retrievers that it uses."""
        self._nested(f"retriever {name}", where)
        self._taking.append(f"retriever {name}")
        retriever = self._take("retrievers", name, where)
        for model, _ in retriever.model_names():
            self._take_model(model, f"retrievers.{name}.model")
        for member in retriever.members():
            self._take_retriever(member, f"retrievers.{name}.retrievers")
        self._taking.pop()

    def _take_collection(self, name: str, where: str) -> Collection:
        collection: Collection = self._take("collections", name, where)
        self._take_corpus(collection.corpus, f"collections.{name}.corpus")
        if isinstance(collection.source, FilesTopics):
            queries = {f"queries.{language}": path for language, path in collection.source.queries.items()}
            self._check_files(queries | {"qrels": collection.source.qrels}, f"collections.{name}")
        for language, translation in collection.translations.items():
            where = f"collections.{name}.translations.{language}.translator"
            translator = self._take("translators", translation.translator, where)
            self._take_model(translator.model, f"translators.{translation.translator}.model")
        return collection

    def _take_corpus(self, name: str, where: str) -> None:
        if name in self.kept["corpora"]:
            return
        corpus = self._take("corpora", name, where)
        if isinstance(corpus.source, FilesPassages):
            described = "collections" if name in self._definitions.names("collections") else "corpora"
            self._check_files({"passages": corpus.source.passages}, f"{described}.{name}")
        for language, other in corpus.parallel_corpora.items():
            self._take_corpus(other, f"corpora.{name}.parallel_corpora.{language}")

    def _check_files(self, files: Mapping[str, str], where: str) -> None:
        for key, path in files.items():
            if not path.startswith("hub://") and not Path(path).is_file():
                raise RankkError(f"{self._file}: {where}.{key}: {path}: no such file")

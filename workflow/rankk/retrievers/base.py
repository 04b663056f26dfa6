"""Base class of first stages. Each is one class in one module of this package, or a plugin."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PositiveInt, model_validator

from rankk import paths
from rankk.component import Component, Registry
from rankk.config.base import Language, Strict, Title, cosmetic
from rankk.fetching.base import Download
from rankk.fetching.prebuilt import PrebuiltDownload
from rankk.fingerprint import fingerprint

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.paths import Cell
    from rankk.retrievers.lucene import Search

Inputs = Mapping[str, Any]
"""Input files of a job by name: a path or a list of paths (possibly empty)."""


class Step(Component):
    """A preparation step of a first stage: an index, or encoded texts. Its fields determine the result."""

    def params(self) -> dict[str, Any]:
        """Parameters that decide the result, for Snakemake."""
        return {"step": self.deciding(), "code": fingerprint(type(self))}

    def run(self, inputs: Inputs, output: str, threads: int) -> None:
        """Write `output`."""
        raise NotImplementedError


STEPS: Registry[Step] = Registry("step", Step, "rankk.retrievers")


@dataclass(frozen=True)
class Job:
    """A step with its files."""

    step: Step
    inputs: dict[str, Any]
    output: str


class Retriever(Component):
    """A first stage. `retrieve` writes the TREC run of one collection and query language."""

    title: Title = cosmetic(default="", description="name in figures and tables; default: the key")

    def members(self) -> list[str]:
        """Names of other retrievers whose runs this one starts from."""
        return []

    def model_names(self) -> list[tuple[str, str | None]]:
        """Models that are needed: name in the catalog, hub id or folder; and revision."""
        return []

    def inputs(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """Files that `retrieve` reads, by name. `cell` is the first stage's own cell."""
        raise NotImplementedError

    def jobs(self, cell: "Cell", experiment: "Experiment") -> Iterator[Job]:
        """Indexes and encoded texts that must be there before."""
        return iter(())

    def downloads(self, cell: "Cell", experiment: "Experiment") -> Iterable[Download]:
        """Downloads that are needed beforehand, apart from those of corpus, collection and models."""
        return ()

    def check(self, cell: "Cell", experiment: "Experiment") -> None:
        """Reject cells that cannot be retrieved, before any job starts. ValueError begins with a key of the
        settings."""

    def facts(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """Properties of the cell, other than settings and files, that affect the run, such as a language."""
        return {}

    def params(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """Parameters that decide the run, for Snakemake."""
        settings = {"retriever": self.deciding(), "facts": self.facts(cell, experiment)}
        return settings | {"code": fingerprint(type(self))}

    def retrieve(self, inputs: Inputs, output: str, *, threads: int, tag: str, **facts: Any) -> None:
        """Write a TREC run with this tag. RankkError names what is wrong."""
        raise NotImplementedError


RETRIEVERS: Registry[Retriever] = Registry("type of retriever", Retriever, "rankk.retrievers")


class Segments(Strict):
    """Passages cut into overlapping segments; a passage takes its best segment's score (MaxP, Dai & Callan 2019)."""

    characters: PositiveInt = Field(
        default=1500, description="length of a segment; cut at white space where there is some"
    )
    stride: PositiveInt = Field(default=750, description="characters from one segment's start to the next")

    @model_validator(mode="after")
    def _without_gaps(self) -> "Segments":
        if self.stride > self.characters:
            raise ValueError(f"stride: {self.stride} is larger than characters {self.characters}: text would be lost")
        return self

    @property
    def tag(self) -> str:
        """Part of the names of files that hold these segments."""
        return f"{self.characters}-{self.stride}"


Depth = Annotated[int, Field(ge=1, le=1_000_000)]
"""Passages of a query's run."""


class Searcher(Retriever):
    """A first stage that searches an index of the whole corpus."""

    depth: Depth = Field(default=1000, description="passages retrieved per query")
    prebuilt: str | None = Field(
        default=None,
        description="search the index that the corpus lists under this name in `prebuilt`; where it lists none, an "
        "index is built here",
    )
    segments: Segments | None = Field(default=None, description="index overlapping segments of the passages")
    query_language: Language | None = Field(
        default=None, description="search with the queries of this language instead of the cell's own"
    )
    passage_language: Language | None = Field(
        default=None,
        description="search the corpus's translation into this language; rerankers still read the corpus itself",
    )

    def corpus(self, cell: "Cell", experiment: "Experiment") -> str:
        """Name of the corpus that is searched. ValueError where it has no such translation."""
        name = experiment.collections[cell.collection].corpus
        corpus = experiment.corpora[name]
        if self.passage_language in (None, corpus.language):
            return name
        if self.passage_language not in corpus.parallel_corpora:
            known = ", ".join(corpus.parallel_corpora) or "none"
            raise ValueError(
                f"passage_language: {self.passage_language!r} is no translation of corpus {name!r}; it has: {known}"
            )
        return corpus.parallel_corpora[self.passage_language]

    def language(self, cell: "Cell", experiment: "Experiment") -> str:
        """Language of the passages that are searched."""
        return experiment.corpora[self.corpus(cell, experiment)].language

    def prebuilt_index(self, cell: "Cell", experiment: "Experiment") -> PrebuiltDownload | None:
        """The published index that is searched."""
        published = experiment.corpora[self.corpus(cell, experiment)].prebuilt
        index = published.get(self.prebuilt) if self.prebuilt else None
        return PrebuiltDownload(index=index) if index else None

    def downloads(self, cell: "Cell", experiment: "Experiment") -> Iterable[Download]:
        """The published index."""
        return [index] if (index := self.prebuilt_index(cell, experiment)) else []

    def index_name(self) -> str:
        """Name of an index that is built here, which retrievers share whose indexes would be equal."""
        raise NotImplementedError

    def index(self, cell: "Cell", experiment: "Experiment") -> str:
        """Folder of the index that is searched."""
        if download := self.prebuilt_index(cell, experiment):
            return download.path
        return paths.index(self.corpus(cell, experiment), self.index_name())

    def query_files(self, cell: "Cell") -> dict[str, str]:
        """Files that hold the queries, by name."""
        return {"queries": paths.queries(*self.queries(cell))}

    def inputs(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """Index, queries, and passages that are left out."""
        excluded = experiment.excluded(*self.queries(cell))
        index = self.index(cell, experiment)
        return {"index": index, **self.query_files(cell), "excluded": excluded, **self.asked(cell)}

    def search(self, inputs: Inputs, output: str, threads: int, tag: str) -> "Search":
        """What is searched, and where the run is written."""
        from rankk.retrievers.lucene import Search

        return Search(
            inputs["index"],
            output,
            self.depth,
            threads,
            tag,
            inputs["excluded"],
            inputs.get("asked"),
            segments=self.segments is not None,
        )

    def queries(self, cell: "Cell") -> tuple[str, str]:
        """Collection and language of the queries that are searched with."""
        return cell.collection, self.query_language or cell.language

    def asked(self, cell: "Cell") -> dict[str, str]:
        """File of the cell's own queries, where others are searched with: the run holds no further ones.

        A topic without a translation into the cell's language has no query there.
        """
        named = (cell.collection, cell.language)
        return {} if self.queries(cell) == named else {"asked": paths.queries(*named)}

    def check_prebuilt(self, cell: "Cell", experiment: "Experiment", kind: str) -> None:
        """Refuse a published index of the wrong kind, and segments of one."""
        from rankk.errors import RankkError
        from rankk.fetching.prebuilt import named

        download = self.prebuilt_index(cell, experiment)
        if download is None:
            return
        if self.segments:
            raise ValueError(f"segments: the published index {download.index!r} is searched as it is; leave out one")
        try:
            actual = named(download.index).type
        except RankkError as error:
            raise ValueError(f"prebuilt: {error}") from None
        if actual != kind:
            raise ValueError(f"prebuilt: {download.index!r} is an {actual} index; expected {kind}")

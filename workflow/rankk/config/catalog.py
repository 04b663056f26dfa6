"""Collections, retrievers and packaged models: the names that an experiment crosses. Rerankers: reranker.py."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from rankk import grid
from rankk.config.base import Strict
from rankk.config.translator import LANGUAGES

Language = Annotated[str, Field(pattern=r"^[a-z]{3}$", description="ISO 639-3 code, e.g. eng")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def well_placed(place: str) -> str:
    """A file's path, or its place on the hub in full."""
    if place.startswith("hub://") and not re.fullmatch(r"hub://[^/]+/[^/@]+(@[^/]+)?/.+", place):
        raise ValueError("expected hub://owner/dataset[@revision]/path/of/the/file")
    return place


Place = Annotated[str, AfterValidator(well_placed)]
"""A file's path, or its place in a dataset's repository on the hub."""

MEASURES = ["nDCG@10", "R@100"]


class Translation(Strict):
    """Queries in a language that a model translates them into."""

    source: Language = Field(default="eng", description="language that they are translated from")
    translator: str = Field(description="name among the translators")


class CollectionBase(Strict):
    """What every collection says of itself."""

    language: Language = Field(description="language of the passages: chooses the analyzer")
    measures: list[str] = Field(default=MEASURES, min_length=1, description="ir_measures names")
    topics: PositiveInt | None = Field(default=None, description="keep only this many queries, evenly spaced")
    translations: dict[Language, Translation] = Field(default={}, description="queries in further languages")
    expected_queries: PositiveInt | None = Field(default=None, description="for `rankk plan`, before they are there")
    description: str = ""
    licence: str = ""

    @property
    def own_languages(self) -> list[str]:
        """Languages in which the source has queries."""
        raise NotImplementedError

    @property
    def languages(self) -> list[str]:
        """Languages in which there are queries, the translated ones last."""
        return [*self.own_languages, *self.translations]

    @model_validator(mode="after")
    def translatable(self) -> "CollectionBase":
        """A translation needs something to translate, and takes no place of the source's own queries."""
        for language, translation in self.translations.items():
            if language in self.own_languages:
                raise ValueError(f"translations.{language}: the collection has queries in that language itself")
            if translation.source not in self.own_languages:
                raise ValueError(
                    f"translations.{language}.source: {translation.source!r} has no queries; expected one of "
                    f"{', '.join(self.own_languages)}"
                )
            if unknown := {language, translation.source} - LANGUAGES.keys():
                raise ValueError(f"translations.{language}: {unknown.pop()!r} has no name in rankk.config.translator")
        return self


class FilesCollection(CollectionBase):
    """Passages, queries and judgments in files of the user's."""

    source: Literal["files"]
    passages: Place = Field(description='JSON lines {"id", "contents"} or {"id", "title", "text"}; .gz allowed')
    queries: dict[Language, Place] = Field(min_length=1, description="qid<TAB>text files by language")
    qrels: Place = Field(description="TREC qrels; .gz allowed")
    partial: bool = Field(
        default=False,
        description="passages are those of given lists alone; judgments of others stay, they decide the ideal ranking",
    )
    drop: list[str] = Field(default=[], description="known faults that are dropped and counted, not errors")

    @property
    def own_languages(self) -> list[str]:
        """Languages in which the source has queries."""
        return list(self.queries)

    @property
    def files(self) -> list[str]:
        """Files that the collection is built from, as they stand here."""
        return [grid.local(place) for place in (self.passages, *self.queries.values(), self.qrels)]


class LibreOfficeHelp(CollectionBase):
    """LibreOffice's help pages from Debian's packages (docs/libreoffice-help.md)."""

    source: Literal["libreoffice-help"]
    language: Literal["eng", "rus", "zho", "deu"]

    @property
    def own_languages(self) -> list[str]:
        """Languages in which the source has queries."""
        return ["eng", "rus", "zho", "deu"]

    @property
    def files(self) -> list[str]:
        """The folder of Debian packages that the collection is built from."""
        return [grid.downloads("libreoffice-help")]


class IrDatasets(CollectionBase):
    """A collection by its name in ir_datasets."""

    source: Literal["ir-datasets"]
    dataset: str = Field(description="id with passages, queries and judgments, e.g. beir/nfcorpus/test")
    queries: dict[Language, list[str]] = Field(
        default={"eng": ["text"]}, min_length=1, description="by language: fields of the topics, joined"
    )
    drop: list[str] = Field(default=[], description="known faults that are dropped and counted, not errors")

    @property
    def own_languages(self) -> list[str]:
        """Languages in which the source has queries."""
        return list(self.queries)

    @property
    def files(self) -> list[str]:
        """The folder into which the dataset is fetched."""
        return [grid.downloads(f"ir_datasets/{self.dataset}")]


class Bright(CollectionBase):
    """A task of BRIGHT."""

    source: Literal["bright"]
    language: Literal["eng"] = "eng"
    task: str = Field(description="e.g. biology, theoremqa_theorems")
    queries: str = Field(default="examples", description="examples: the original queries; or a rewritten set's name")
    revision: str | None = Field(default=None, description="commit of the repository on its hub")

    @property
    def own_languages(self) -> list[str]:
        """Languages in which the source has queries."""
        return ["eng"]

    @property
    def files(self) -> list[str]:
        """The folder into which the task is fetched."""
        return [grid.downloads(f"bright/{self.task}.{self.queries}")]


Collection = Annotated[FilesCollection | LibreOfficeHelp | IrDatasets | Bright, Field(discriminator="source")]


class Split(Strict):
    """Passages cut into overlapping segments; a passage scores as its best segment (Dai & Callan 2019, MaxP)."""

    characters: PositiveInt = Field(default=1500, description="length of a segment, cut at white space where there is")
    stride: PositiveInt = Field(default=750, description="characters from one segment's start to the next")

    @model_validator(mode="after")
    def without_gaps(self) -> "Split":
        """Every character is in a segment."""
        if self.stride > self.characters:
            raise ValueError(f"stride: {self.stride} is larger than characters {self.characters}: text would be lost")
        return self

    @property
    def tag(self) -> str:
        """Names files and indexes of these segments."""
        return f"{self.characters}-{self.stride}"


class FirstStage(Strict):
    """What every retriever that searches has in common."""

    depth: PositiveInt = Field(default=1000, description="passages retrieved for a query")
    passages_of: dict[str, str] = Field(
        default={},
        description="collection: the one whose passages are searched in its place, with the same ids (a translation)",
    )
    prebuilt: dict[str, str] = Field(
        default={}, description="collection: Pyserini's name of an index of its passages, instead of one built here"
    )
    split: Split | None = None
    query_language: Language | None = Field(
        default=None,
        description="search with the queries of this language instead of the cell's (translated queries)",
    )


class BM25(FirstStage):
    """Lucene's BM25 through Anserini."""

    type: Literal["bm25"]
    k1: float = Field(default=0.9, ge=0)
    b: float = Field(default=0.4, ge=0, le=1)


class Splade(FirstStage):
    """A learned sparse encoder and a Lucene impact index (Formal et al. 2021)."""

    type: Literal["splade"]
    model: str = Field(description="name in the catalog's models, a hub id or a local folder")
    revision: str | None = None
    max_seq_length: PositiveInt = Field(default=512, description="tokens; longer passages are cut")
    batch_size: PositiveInt = 32


class PublishedRun(Strict):
    """A first stage made elsewhere."""

    type: Literal["run"]
    path: str = Field(description="TREC run; {collection} and {language} are filled in")


class Hybrid(Strict):
    """Other first stages fused by reciprocal ranks."""

    type: Literal["hybrid"]
    of: list[str] = Field(min_length=2, description="names of the retrievers that are fused")
    k: PositiveInt = Field(default=60, description="of reciprocal rank fusion")
    depth: PositiveInt = Field(default=1000, description="passages kept for a query")


Retriever = Annotated[BM25 | Splade | PublishedRun | Hybrid, Field(discriminator="type")]


class PackagedModel(Strict):
    """Model files carried by a Python package, for machines that reach no hub."""

    package: str = Field(description="name==version")
    sha256: Sha256 = Field(description="of the package's wheel")
    member: str = Field(description="file or folder inside the wheel")
    format: Literal["gguf", "transformers"] = "transformers"
    licence: str
    note: str = ""


class Block(Strict):
    """One block of the grid: all combinations of its lists."""

    collections: list[str] = Field(min_length=1)
    languages: list[Language] = Field(min_length=1)
    retrievers: list[str] = Field(min_length=1)
    rerankers: list[str] = Field(default=["none"], min_length=1)

    @model_validator(mode="after")
    def no_repetition(self) -> "Block":
        """A name that stands twice is a slip."""
        for key, names in self:
            if len(set(names)) != len(names):
                raise ValueError(f"{key} names one twice: {', '.join(names)}")
        return self

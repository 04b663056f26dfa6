"""Base classes of the sources of corpora and collections.

A corpus has passages, their language, licence, published indexes and translations; it is stored once. A collection is a
corpus with queries and judgments. A source is one module of this package, or a plugin. It defines where passages come
from (a `PassageSource`), where queries and judgments come from (a `TopicSource`), or both under one name.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, PlainSerializer, PositiveInt, model_validator

from rankk.component import Component, Registry
from rankk.config.base import Language, Strict, Title, cosmetic
from rankk.corpora.build import FAULTS, Topics, write_corpus, write_qrels, write_topics
from rankk.fetching.base import Download
from rankk.fingerprint import fingerprint
from rankk.languages import LANGUAGES

Inputs = Mapping[str, Any]
"""Files that a job reads, by name: one path or a list of paths."""

DROP = f"known faults that are dropped and counted instead of refused: {', '.join(FAULTS)}"


class Source(Component):
    """Fields and methods that both kinds of sources share.

    If a subclass leaves out parts of its files on purpose, its docstring names them in a sentence "Left out: ….", which
    the list of shipped corpora and collections shows.
    """

    known_faults: ClassVar[frozenset[str]] = frozenset()
    """Faults that the files of this source are known to have; they are dropped and counted."""
    release: ClassVar[str] = ""
    """Release of a distribution for which the catalog states counts, if other releases hold other texts."""

    drop: list[str] = Field(default=[], description=DROP)

    @property
    def drops(self) -> frozenset[str]:
        """All faults that are dropped and counted: those of the source and those of the setting `drop`."""
        return self.known_faults | frozenset(self.drop)

    def downloads(self) -> Sequence[Download]:
        """Downloads that must be complete before the files are built."""
        return ()

    def inputs(self) -> dict[str, Any]:
        """Files that the source reads, by name."""
        return {"downloads": [download.path for download in self.downloads()]}

    def params(self) -> dict[str, Any]:
        """Parameters that decide the content of the files, for Snakemake."""
        return {"source": self.deciding(), "code": fingerprint(type(self))}


class PassageSource(Source):
    """Source of the passages of a corpus."""

    fixed_language: ClassVar[str | None] = None
    """Language of the passages, if the source has passages in one language only."""

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields passages as ("file:line", {"id", "contents"} or {"id", "title", "text"}), in the source's order."""
        raise NotImplementedError

    def build(self, inputs: Inputs, passages: str | Path) -> None:
        """Write `passages` (JSON lines), and beside it its index and corpus.json. RankkError names a faulty record."""
        write_corpus(self.records(inputs), passages, self.drops)


class TopicSource(Source):
    """Source of the queries and judgments of a collection."""

    max_queries: PositiveInt | None = Field(
        default=None, description="keep only this many queries, evenly spaced over the topic list"
    )
    partial: bool = Field(
        default=False,
        description="the corpus holds the passages of given lists only; judgments of other passages are kept, "
        "because they decide the ideal ranking",
    )
    exclude_query_document: bool = Field(
        default=False, description="a passage whose id is the query's own id is never retrieved (ArguAna)"
    )

    @property
    def languages(self) -> list[str]:
        """Languages in which the source has queries (ISO 639-3)."""
        raise NotImplementedError

    def only(self, language: str) -> Self:
        """The same source with the queries of one language, so that adding a language does not change its files."""
        return self

    def topics(self, inputs: Inputs) -> Topics:
        """All queries, judgments and excluded passages of the source."""
        raise NotImplementedError

    def build_queries(self, inputs: Inputs, language: str, queries: str | Path, excluded: str | Path) -> None:
        """Write the queries of one language, and the passages that the runs of these queries must not hold."""
        passages = inputs["passages"] if self.exclude_query_document else None
        write_topics(self.topics(inputs), language, queries, excluded, max_queries=self.max_queries, passages=passages)

    def build_qrels(self, inputs: Inputs, qrels: str | Path, counts: str | Path) -> None:
        """Write judgments and counts. `inputs["passages"]`: the corpus. RankkError names a faulty judgment."""
        write_qrels(
            self.topics(inputs),
            qrels,
            counts,
            passages=inputs["passages"],
            drop=self.drops,
            max_queries=self.max_queries,
            partial=self.partial,
        )


class AlignedTopics(TopicSource):
    """Topics that have queries in many languages under the same ids."""

    query_languages: list[Language] = Field(
        default=[],
        description="languages of the queries; default: all that the source has. Where none of them has all of the "
        "queries, declare it: drop: [unknown query]",
    )

    def known_languages(self) -> Sequence[str]:
        """All languages in which the source has queries (ISO 639-3)."""
        raise NotImplementedError

    @property
    def languages(self) -> list[str]:
        """The languages in `query_languages`; if it is empty, all that the source has."""
        return self.query_languages or list(self.known_languages())

    def only(self, language: str) -> Self:
        """The same source without the queries of other languages."""
        return self.model_copy(update={"query_languages": [language]})

    @model_validator(mode="after")
    def _known(self) -> Self:
        if unknown := set(self.query_languages) - set(self.known_languages()):
            known = ", ".join(self.known_languages())
            raise ValueError(f"query_languages: {unknown.pop()!r}: expected some of {known}")
        return self


PASSAGES: Registry[PassageSource] = Registry("source of passages", PassageSource, "rankk.corpora")
TOPICS: Registry[TopicSource] = Registry("source of queries", TopicSource, "rankk.corpora")


class Corpus(Strict):
    """One entry of `corpora`: passages in one language. The source's settings stand beside these keys."""

    source: Annotated[PassageSource, PlainSerializer(Component.described)] = Field(
        description="where the passages come from"
    )
    language: Language = Field(description="language of the passages (ISO 639-3): chooses the analyzer")
    licence: str = Field(default="", description="licence of the passages, as their authors state it")
    description: str = Field(default="", description="one line for people")
    prebuilt: dict[str, str] = Field(
        default={},
        description="published Lucene indexes of these passages: Anserini's name, by what retrievers call it",
    )
    parallel_corpora: dict[Language, str] = Field(
        default={}, description="corpora that hold these passages in other languages under the same ids"
    )
    expected_passages: PositiveInt | None = Field(default=None, description="passages that the source documents")


class Translation(Strict):
    """Queries that a model translates into another language."""

    source: Language = Field(default="eng", description="language that they are translated from")
    translator: str = Field(description="name among the translators")


class Collection(Strict):
    """One entry of `collections`: queries and judgments over a corpus. The source's settings stand beside these keys.

    A corpus that no other collection uses may be defined here: its keys stand beside those of the collection.
    """

    corpus: str = Field(description="name among the corpora, or the description of one")
    source: Annotated[TopicSource, PlainSerializer(Component.described)] = Field(
        description="where queries and judgments come from"
    )
    measures: list[str] = Field(default=["nDCG@10", "R@100"], min_length=1, description="names of ir_measures")
    translations: dict[Language, Translation] = Field(
        default={}, description="queries in further languages, translated by a model"
    )
    expected_queries: PositiveInt | None = Field(
        default=None, description="queries that the source documents; `rankk plan` uses it before anything is built"
    )
    approximate: bool = Field(default=False, description="the source states `expected_queries` as about so many")
    expected_judgments: PositiveInt | None = Field(default=None, description="judgments that the source documents")
    title: Title = cosmetic(default="", description="name in figures and tables; default: the key")
    description: str = Field(default="", description="one line for people")
    licence: str = Field(default="", description="licence of queries and judgments, as their authors state it")

    @property
    def languages(self) -> list[str]:
        """Languages of the queries: first those of the source, then those of `translations`."""
        return [*self.source.languages, *self.translations]

    @model_validator(mode="after")
    def _translatable(self) -> "Collection":
        for language, translation in self.translations.items():
            if language in self.source.languages:
                raise ValueError(f"translations.{language}: the collection has queries in that language itself")
            if translation.source not in self.source.languages:
                raise ValueError(
                    f"translations.{language}.source: {translation.source!r} has no queries; expected one of "
                    f"{', '.join(self.source.languages)}"
                )
            if unknown := {language, translation.source} - LANGUAGES.keys():
                raise ValueError(f"translations.{language}: {unknown.pop()!r} has no name in rankk.languages")
        return self

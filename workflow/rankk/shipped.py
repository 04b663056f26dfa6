"""The page of what is shipped: corpora and collections of the catalog and of the experiments, with their sizes."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch

from rankk.component import Component
from rankk.config.loading import DATA, defined
from rankk.corpora.base import Collection, Corpus, Source, TopicSource
from rankk.corpora.build import REASONS
from rankk.io.yaml_files import read_yaml
from rankk.paths import FIRST_STAGE

COLUMNS = (
    *("corpus", "passages", "queries", "judgments", "in", "source", "left out"),
    *("published BM25", "its setting, or why there is none"),
)
"""What is told of a collection."""
OWN = (
    "Collections that an experiment's file in `config/` defines for itself. Where it has a part of the queries, these "
    "are judged ones, evenly spaced."
)


def catalog() -> Iterator[str]:
    """What the catalog holds: every corpus and collection, with what is known of them before anything is downloaded."""
    definitions = defined(DATA / "config" / "catalog", "the catalog")
    corpora = {name: definitions.get("corpora", name) for name in definitions.names("corpora")}
    collections = {name: definitions.get("collections", name) for name in definitions.names("collections")}
    yield from ("", "# Shipped corpora and collections", "")
    yield from (
        f"Of `config/catalog/`: {len(corpora)} corpora and {len(collections)} collections. Counts are those that the "
        "sources document, before anything is dropped; of collections that this project makes they were counted. "
        "`rankk doctor` compares them with what was built, and reports what was dropped. A published figure of BM25 is "
        "for the retriever `bm25`; none of them was measured again here.",
        "",
        "Records with these faults are dropped and counted:",
        "",
        *(f"- {kind}: {reason}" for kind, reason in REASONS.items()),
        "",
        "## Corpora",
        "",
    )
    yield from table(
        ("corpus", "language", "passages", "source", "left out", "published indexes", "licence"),
        (
            (
                name,
                corpus.language,
                _count(corpus.expected_passages, corpus.source),
                _settings(corpus.source),
                _left_out(corpus.source),
                ", ".join(f"{key}: {index}" for key, index in corpus.prebuilt.items()),
                corpus.licence,
            )
            for name, corpus in corpora.items()
        ),
    )
    yield from ("", "## Collections", "")
    yield from table(("collection", *COLUMNS), _rows(collections, corpora))
    yield from ("", "## Collections of single experiments", "", OWN, "")
    yield from table(("experiment", "collection", *COLUMNS), _of_experiments())
    yield ""


def _of_experiments() -> Iterator[tuple[str, ...]]:
    """Rows of the collections that an experiment's file defines, behind the file's name."""
    for file in sorted(DATA.glob("config/*.yaml")) + sorted(DATA.glob("config/train/*.yaml")):
        own = {name: section for name, section in read_yaml(file).items() if name in ("corpora", "collections")}
        definitions = defined(DATA / "config" / "catalog", "the catalog")
        definitions.add(own, str(file), (DATA,))
        collections = {name: definitions.get("collections", name) for name in own.get("collections", ())}
        corpora = {each.corpus: definitions.get("corpora", each.corpus) for each in collections.values()}
        experiment = file.relative_to(DATA / "config").with_suffix("").as_posix()
        yield from ((experiment, *row) for row in _rows(collections, corpora))


def _rows(collections: Mapping[str, Collection], corpora: Mapping[str, Corpus]) -> Iterator[tuple[str, ...]]:
    """Collections with what is known of them."""
    published = {
        row["collection"]: (f"{row['measure']} {row['value']}", f"{row['source']}: {row['setting']}")
        for row in _reference("published.csv")
        if (row["retriever"], row["reranker"]) == ("bm25", FIRST_STAGE)
    }
    reasons = [(row["collections"], ("none", row["reason"])) for row in _reference("unpublished.csv")]
    for name, collection in collections.items():
        source, corpus = collection.source, corpora[collection.corpus]
        whole = ("about " if collection.approximate else "") + _count(collection.expected_queries, source)
        part = source.max_queries
        of_part = ("none", "a part of the queries") if part else None
        of_lists = ("none", "published lists are reranked, nothing is searched") if source.partial else None
        yield (
            *(name, collection.corpus, _count(corpus.expected_passages, corpus.source)),
            f"{part:,} of {whole}" if part else whole,
            "those of its queries" if part else _count(collection.expected_judgments, source),
            *(", ".join(collection.languages), _settings(source), _left_out(source)),
            *(
                of_part
                or of_lists
                or published.get(name)
                or next(reason for names, reason in reasons if fnmatch(name, names))
            ),
        )


def _reference(name: str) -> list[dict[str, str]]:
    """Rows of a table of others' results."""
    with (DATA / "config" / "reference" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield "| " + " | ".join(titles) + " |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield "| " + " | ".join(cell(field) for field in row) + " |"


def _count(number: int | None, source: Source) -> str:
    if number is None:
        return "not documented"
    return f"{number:,} ({source.release})" if source.release else f"{number:,}"


def _settings(source: Component) -> str:
    """A source with what it was given in words: a dataset, a task, a file."""
    given = source.model_dump(mode="json", exclude_defaults=True)
    return ", ".join([source.name, *(text for key, text in given.items() if isinstance(text, str) and key != "sha256")])


def _left_out(source: Source) -> str:
    """What is dropped of the source's passages, queries and judgments, or is never retrieved."""
    stated = re.findall(r"Left out: ([^.]*)\.", source.__doc__ or "")
    own = ["a query's own passage"] if isinstance(source, TopicSource) and source.exclude_query_document else []
    return ", ".join([*sorted(source.drops), *stated, *own])


def cell(text: str) -> str:
    """A text in one line that does not end a field of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")

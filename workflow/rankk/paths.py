"""Paths of all results, all below `results/`; no other module builds paths.

Every function takes plain strings, so that Snakemake's wildcards ("{collection}") pass through unchanged.
"""

from dataclasses import dataclass

RESULTS = "results"

FIRST_STAGE = "none"
"""The reranker of a cell that holds the first stage's own run."""


def corpus(name: str, file: str) -> str:
    """A file of a corpus: passages.jsonl, passages.sqlite or corpus.json."""
    return f"{RESULTS}/corpora/{name}/{file}"


def passages(corpus_name: str) -> str:
    """Passages of a corpus, JSON lines {"id", "contents"}."""
    return corpus(corpus_name, "passages.jsonl")


def collection(name: str, file: str) -> str:
    """A file of a collection: queries, exclusions, qrels.txt or collection.json."""
    return f"{RESULTS}/collections/{name}/{file}"


def queries(collection_name: str, language: str) -> str:
    """`qid<TAB>text` lines of one query language (ISO 639-3)."""
    return collection(collection_name, f"queries.{language}.tsv")


def qrels(collection_name: str) -> str:
    """TREC qrels."""
    return collection(collection_name, "qrels.txt")


def excluded(collection_name: str, language: str) -> str:
    """`qid<TAB>docid` lines: passages that a query's runs must not hold; mostly empty."""
    return collection(collection_name, f"excluded.{language}.tsv")


def download(name: str) -> str:
    """Folder of something fetched from a network, as it was published."""
    return f"{RESULTS}/downloads/{name}"


def index(corpus_name: str, name: str) -> str:
    """Folder of a Lucene index."""
    return f"{RESULTS}/indexes/{corpus_name}/{name}"


def vectors(texts: str, retriever: str) -> str:
    """Encoded sparse vectors. `texts`: {corpus}/passages or {collection}/queries.{language}."""
    return f"{RESULTS}/vectors/{texts}/{retriever}.jsonl.gz"


def model(name: str) -> str:
    """Folder of a model of the catalog or of a training."""
    return f"{RESULTS}/models/{name}"


def training(model: str, file: str) -> str:
    """A file of a model's training: windows.jsonl.gz, examples.jsonl.gz, adapter, …"""
    return f"{RESULTS}/training/{model}/{file}"


def run(collection: str, language: str, retriever: str, reranker: str = FIRST_STAGE) -> str:
    """TREC run of one cell."""
    return f"{RESULTS}/runs/{collection}/{language}/{retriever}/{reranker}.trec"


def logs() -> str:
    """Folder of all jobs' logs."""
    return f"{RESULTS}/logs"


def log(stage: str, *names: str) -> str:
    """Log of a job."""
    return f"{logs()}/{stage}/{'.'.join(names)}.log"


def benchmark(stage: str, *names: str) -> str:
    """Seconds and memory of a job, as Snakemake measures them."""
    return f"{RESULTS}/benchmarks/{stage}/{'.'.join(names)}.tsv"


def experiment(name: str, file: str = "") -> str:
    """A file of an experiment's evidence, or its folder."""
    return f"{RESULTS}/experiments/{name}/{file}".rstrip("/")


@dataclass(frozen=True, order=True)
class Cell:
    """Collection × query language × retriever × reranker: one TREC run."""

    collection: str
    language: str
    retriever: str
    reranker: str = FIRST_STAGE

    @property
    def reranked(self) -> bool:
        """Whether a model reorders the first stage here."""
        return self.reranker != FIRST_STAGE

    @property
    def first_stage(self) -> "Cell":
        """The cell whose run this one starts from."""
        return Cell(self.collection, self.language, self.retriever)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all that make the cell; of a first stage three."""
        names = (self.collection, self.language, self.retriever, self.reranker)
        return names if self.reranked else names[:-1]

    @property
    def run(self) -> str:
        """Path of the cell's run. Files of all that follows belong to reranked cells only."""
        return self._file(".trec")

    @property
    def manifest(self) -> str:
        """What made the run, and its costs."""
        return self._file(".json")

    @property
    def calls(self) -> str:
        """One line for each call that the run was made from."""
        return self._file(".calls.csv")

    @property
    def journal(self) -> str:
        """All calls of the cell, JSON lines."""
        return self._file(".calls.jsonl")

    @property
    def checked(self) -> str:
        """Outcomes of the answers, written where no more than `max_bad_outcomes` of them could not be used."""
        return self._file(".checked.txt")

    @property
    def page(self) -> str:
        """Page on which the answers are read."""
        return self._file(".html")

    def shard(self, number: int | str, suffix: str) -> str:
        """File of one shard of the cell: .trec, .json or .calls.csv."""
        return self._file(f".shards/{number}{suffix}")

    def _file(self, suffix: str) -> str:
        return run(self.collection, self.language, self.retriever, self.reranker).removesuffix(".trec") + suffix

    def __str__(self) -> str:
        return "/".join((self.collection, self.language, self.retriever, self.reranker))

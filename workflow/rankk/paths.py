"""The grid's cells and the one place that builds paths.

Every function takes plain strings, so that Snakemake's wildcards ("{collection}") pass through unchanged.
"""

from dataclasses import dataclass

RESULTS = "results"

FIRST_STAGE = "none"
"""The reranker of a cell that holds the first stage's own run."""


def collection_dir(collection: str) -> str:
    """Folder of a collection's normalized files."""
    return f"{RESULTS}/collections/{collection}"


def passages(collection: str) -> str:
    """JSON lines {"id", "contents"}, gzipped."""
    return f"{collection_dir(collection)}/passages.jsonl.gz"


def queries(collection: str, language: str, suffix: str = ".tsv") -> str:
    """`qid<TAB>text` lines of one language (ISO 639-3); .json: where translated ones come from."""
    return f"{collection_dir(collection)}/queries.{language}{suffix}"


def qrels(collection: str) -> str:
    """TREC qrels."""
    return f"{collection_dir(collection)}/qrels.txt"


def excluded(collection: str) -> str:
    """`qid<TAB>docid` lines: passages that a query's runs must not hold; mostly empty."""
    return f"{collection_dir(collection)}/excluded.tsv"


def facts(collection: str) -> str:
    """Counts, drops and checksums of a collection."""
    return f"{collection_dir(collection)}/collection.json"


def downloads(name: str) -> str:
    """Folder of something fetched from elsewhere, as it came."""
    return f"{RESULTS}/downloads/{name}"


def local(place: str) -> str:
    """A file's path; of one on the hub (hub://owner/dataset[@revision]/path), where it is fetched to."""
    if not place.startswith("hub://"):
        return place
    owner, dataset, file = place.removeprefix("hub://").split("/", 2)
    name, _, revision = dataset.partition("@")
    return downloads(f"hub/{owner}/{name}@{revision or 'main'}/{file}")


def prebuilt(name: str) -> str:
    """Folder of a Lucene index that was built elsewhere."""
    return downloads(f"indexes/{name}")


def segments(collection: str, tag: str) -> str:
    """Passages cut into segments: as `passages`, with ids docid#number."""
    return f"{collection_dir(collection)}/segments.{tag}.jsonl.gz"


def index(collection: str, retriever: str) -> str:
    """Folder of a Lucene index."""
    return f"{RESULTS}/indexes/{collection}/{retriever}"


def vectors(collection: str, retriever: str, what: str) -> str:
    """Encoded sparse vectors of `what`: passages or queries.{language}."""
    return f"{RESULTS}/vectors/{collection}/{retriever}/{what}.jsonl.gz"


def model(name: str) -> str:
    """Folder of a model that is fetched from a package."""
    return f"{RESULTS}/models/{name}"


def training(model: str, file: str) -> str:
    """A file of a model's training: windows.jsonl.gz, examples.jsonl.gz, adapter, …"""
    return f"{RESULTS}/training/{model}/{file}"


def hub_model(name: str, revision: str) -> str:
    """Link to a model of the hub (owner/name) in its cache."""
    return f"{RESULTS}/models/hub/{name}@{revision}"


def run(collection: str, language: str, retriever: str, reranker: str = FIRST_STAGE) -> str:
    """TREC run of one cell."""
    return f"{RESULTS}/runs/{collection}/{language}/{retriever}/{reranker}.trec"


def journal(collection: str, language: str, retriever: str, reranker: str) -> str:
    """All calls of a cell, JSON lines."""
    return run(collection, language, retriever, reranker).removesuffix(".trec") + ".calls.jsonl"


def calls(collection: str, language: str, retriever: str, reranker: str) -> str:
    """One line for each call that a cell's run was made from."""
    return run(collection, language, retriever, reranker).removesuffix(".trec") + ".calls.csv"


def shard(collection: str, language: str, retriever: str, reranker: str, number: str, suffix: str) -> str:
    """File of one shard of a cell: .trec, .json or .calls.csv."""
    return run(collection, language, retriever, reranker).removesuffix(".trec") + f".shards/{number}{suffix}"


def page(collection: str, language: str, retriever: str, reranker: str) -> str:
    """Page on which a cell's answers are read."""
    return run(collection, language, retriever, reranker).removesuffix(".trec") + ".html"


def manifest(collection: str, language: str, retriever: str, reranker: str) -> str:
    """What made a cell's run, and what it cost."""
    return run(collection, language, retriever, reranker).removesuffix(".trec") + ".json"


def checked(collection: str, language: str, retriever: str, reranker: str) -> str:
    """Outcomes of a cell's answers, written where no more than `max_bad_outcomes` of them could not be used."""
    return run(collection, language, retriever, reranker).removesuffix(".trec") + ".checked.txt"


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
    def run(self) -> str:
        """Path of the cell's run."""
        return run(self.collection, self.language, self.retriever, self.reranker)

    @property
    def manifest(self) -> str:
        """Path of the cell's manifest (reranked cells only)."""
        return manifest(self.collection, self.language, self.retriever, self.reranker)

    @property
    def calls(self) -> str:
        """Path of the cell's table of calls (reranked cells only)."""
        return calls(self.collection, self.language, self.retriever, self.reranker)

    @property
    def checked(self) -> str:
        """Path of the cell's checked outcomes (reranked cells only)."""
        return checked(self.collection, self.language, self.retriever, self.reranker)

    @property
    def page(self) -> str:
        """Path of the page on which the cell's answers are read (reranked cells only)."""
        return page(self.collection, self.language, self.retriever, self.reranker)

    @property
    def journal(self) -> str:
        """Path of the cell's journal (reranked cells only)."""
        return journal(self.collection, self.language, self.retriever, self.reranker)

    def __str__(self) -> str:
        return "/".join((self.collection, self.language, self.retriever, self.reranker))

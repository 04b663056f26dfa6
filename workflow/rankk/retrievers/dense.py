"""Dense retrieval: a bi-encoder's vectors in Lucene, with or without an HNSW graph (Karpukhin et al. 2020; Malkov and
Yashunin 2020)."""

from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveInt

from rankk import paths
from rankk.retrievers.base import Inputs, Job, Searcher, Segments, Step
from rankk.retrievers.encoders import DenseEncoder, Kind, write_vectors
from rankk.retrievers.lucene import index_dense, search_dense

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.paths import Cell


class Encode(DenseEncoder, Step):
    """Unit vectors of passages, of their segments, or of queries."""

    name = "dense-vectors"

    kind: Kind
    segments: Segments | None = None

    def run(self, inputs: Inputs, output: str, threads: int) -> None:
        """Write {"qid" or "docid", "vector": [numbers]} lines. The encoder uses as many threads as the job has."""
        embed, key = self.loaded(inputs), "qid" if self.kind == "query" else "docid"

        def encode(texts: list[str]) -> list[list[float]]:
            vectors: list[list[float]] = embed(self.kind, texts).tolist()
            return vectors

        write_vectors(inputs, output, self.segments, self.batch_size, key, encode)


class Index(Step):
    """A Lucene index of dense vectors."""

    name = "dense-index"

    links: PositiveInt | None = None
    candidates: PositiveInt | None = None

    def run(self, inputs: Inputs, output: str, threads: int) -> None:
        """Index the vectors."""
        graph = (self.links, self.candidates) if self.links and self.candidates else None
        index_dense(inputs["vectors"], output, threads, graph)


class Dense(DenseEncoder, Searcher):
    """A bi-encoder over all passages by cosine similarity. Scores are Lucene's (1 + cosine) / 2."""

    name = "dense"

    exact: bool = Field(default=False, description="compare a query with every vector instead of searching a graph")
    links: PositiveInt = Field(default=16, description="HNSW graph: links of a vector (M)")
    candidates: PositiveInt = Field(default=100, description="HNSW graph: candidates for a link (efConstruction)")
    ef_search: PositiveInt = Field(
        default=1000, description="HNSW graph: candidates that are kept during a search; at least `depth`"
    )

    def index_name(self) -> str:
        """The vectors' name, and the graph."""
        kind = "flat" if self.exact else f"hnsw-{self.links}-{self.candidates}"
        return f"{self._vectors_name(self.passage_prefix)}.{kind}"

    def _vectors_name(self, prefix: str) -> str:
        """Name of files of texts that begin with `prefix`."""
        parts = ["dense", *([self.segments.tag] if self.segments else [])]
        return self.file_tag(*parts, *([sha256(prefix.encode()).hexdigest()[:8]] if prefix else []))

    def query_files(self, cell: "Cell") -> dict[str, str]:
        """The encoded queries."""
        collection, language = self.queries(cell)
        return {"vectors": paths.vectors(f"{collection}/queries.{language}", self._vectors_name(self.query_prefix))}

    def jobs(self, cell: "Cell", experiment: "Experiment") -> Iterator[Job]:
        """Encoded queries; encoded passages and their index, unless a published index is searched."""
        model = experiment.model_folder(self.model, self.revision)
        queries = {"texts": paths.queries(*self.queries(cell)), "model": model}
        encode = Encode(kind="query", **self._encoding("query_prefix"))
        yield Job(encode, queries, self.query_files(cell)["vectors"])
        if not self.prebuilt_index(cell, experiment):
            corpus = self.corpus(cell, experiment)
            vectors = paths.vectors(f"{corpus}/passages", self._vectors_name(self.passage_prefix))
            passages = {"texts": paths.passages(corpus), "model": model}
            encode = Encode(kind="passage", segments=self.segments, **self._encoding("passage_prefix"))
            yield Job(encode, passages, vectors)
            graph = {} if self.exact else {"links": self.links, "candidates": self.candidates}
            yield Job(Index(**graph), {"vectors": vectors}, self.index(cell, experiment))

    def _encoding(self, prefix: str) -> dict[str, Any]:
        """Settings that decide the vectors of queries, or of passages."""
        return self.settings() | {prefix: getattr(self, prefix)}

    def check(self, cell: "Cell", experiment: "Experiment") -> None:
        """A published index must be of the same kind."""
        self.check_prebuilt(cell, experiment, "flat" if self.exact else "hnsw")

    def retrieve(self, inputs: Inputs, output: str, *, threads: int, tag: str, **facts: Any) -> None:
        """Search the index."""
        search = self.search(inputs, output, threads, tag)
        search_dense(search, inputs["vectors"], None if self.exact else self.ef_search)

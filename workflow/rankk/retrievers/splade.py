"""Learned sparse retrieval: a SPLADE encoder and a Lucene impact index (Formal et al. 2021; SPLADE-v3: Lassance et al.
2024)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rankk import paths
from rankk.retrievers.base import Inputs, Job, Searcher, Segments, Step
from rankk.retrievers.encoders import Encoder, load, write_vectors
from rankk.retrievers.lucene import index_impact, search_impact

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.paths import Cell

WEIGHT_RANGE, LEVELS = 5, 256
"""Lucene's impacts are whole numbers: a weight of 5 becomes 256, Pyserini's own scale."""


class Encode(Encoder, Step):
    """Sparse vectors of passages, of their segments, or of queries."""

    name = "sparse-vectors"

    segments: Segments | None = None

    def run(self, inputs: Inputs, output: str, threads: int) -> None:
        """Write {"id", "vector": {token: impact}} lines. The encoder uses as many threads as the job has."""
        from sentence_transformers import SparseEncoder

        model = inputs["model"][0] if inputs["model"] else self.model
        encoder = load(SparseEncoder, model, self.revision, self.max_seq_length)

        def encode(texts: list[str]) -> Iterator[dict[str, int]]:
            vectors = encoder.encode(texts, batch_size=self.batch_size, show_progress_bar=False)
            return map(impacts, encoder.decode(vectors))

        write_vectors(inputs, output, self.segments, self.batch_size, "id", encode)


class Index(Step):
    """An impact index of sparse vectors."""

    name = "impact-index"

    def run(self, inputs: Inputs, output: str, threads: int) -> None:
        """Index the vectors."""
        index_impact(inputs["vectors"], output, threads)


class Splade(Encoder, Searcher):
    """A SPLADE encoder."""

    name = "splade"

    def index_name(self) -> str:
        """The encoder's, also of files of vectors."""
        return self.file_tag(*([self.segments.tag] if self.segments else []))

    def jobs(self, cell: "Cell", experiment: "Experiment") -> Iterator[Job]:
        """Encoded queries; encoded passages and their index, unless a published index is searched."""
        model = experiment.model_folder(self.model, self.revision)
        queries = {"texts": paths.queries(*self.queries(cell)), "model": model}
        yield Job(Encode(**self.settings()), queries, self.query_files(cell)["vectors"])
        if not self.prebuilt_index(cell, experiment):
            corpus = self.corpus(cell, experiment)
            vectors = paths.vectors(f"{corpus}/passages", self.index_name())
            passages = {"texts": paths.passages(corpus), "model": model}
            yield Job(Encode(**self.settings(), segments=self.segments), passages, vectors)
            yield Job(Index(), {"vectors": vectors}, self.index(cell, experiment))

    def query_files(self, cell: "Cell") -> dict[str, str]:
        """The encoded queries."""
        collection, language = self.queries(cell)
        return {"vectors": paths.vectors(f"{collection}/queries.{language}", self.index_name())}

    def check(self, cell: "Cell", experiment: "Experiment") -> None:
        """A published index must hold impacts."""
        self.check_prebuilt(cell, experiment, "impact")

    def retrieve(self, inputs: Inputs, output: str, *, threads: int, tag: str, **facts: Any) -> None:
        """Search the index."""
        search_impact(self.search(inputs, output, threads, tag), inputs["vectors"])


def impacts(weights: list[tuple[str, float]]) -> dict[str, int]:
    """Whole positive impacts by token; a weight that rounds to nothing is left out."""
    scaled = {token: round(weight / WEIGHT_RANGE * LEVELS) for token, weight in weights}
    return {token: impact for token, impact in scaled.items() if impact > 0}

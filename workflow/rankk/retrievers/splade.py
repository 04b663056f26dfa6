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

    @property
    def encoder_name(self) -> str:
        """Name of files that this encoder makes."""
        return self.file_tag(*([self.segments.tag] if self.segments else []))

    def index(self, cell: "Cell", experiment: "Experiment") -> str:
        """Folder of the index that is searched."""
        if download := self.prebuilt_index(cell, experiment):
            return download.path
        return paths.index(self.corpus(cell, experiment), self.encoder_name)

    def jobs(self, cell: "Cell", experiment: "Experiment") -> Iterator[Job]:
        """Encoded queries; encoded passages and their index, unless a published index is searched."""
        model = experiment.model_folder(self.model, self.revision)
        collection, language = self.queries(cell)
        queries = {"texts": paths.queries(collection, language), "model": model}
        yield Job(Encode(**self.settings()), queries, self._query_vectors(cell))
        if not self.prebuilt_index(cell, experiment):
            corpus = self.corpus(cell, experiment)
            vectors = paths.vectors(f"{corpus}/passages", self.encoder_name)
            passages = {"texts": paths.passages(corpus), "model": model}
            yield Job(Encode(**self.settings(), segments=self.segments), passages, vectors)
            yield Job(Index(), {"vectors": vectors}, self.index(cell, experiment))

    def _query_vectors(self, cell: "Cell") -> str:
        collection, language = self.queries(cell)
        return paths.vectors(f"{collection}/queries.{language}", self.encoder_name)

    def inputs(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """Index, encoded queries, and passages that are left out."""
        return {
            "index": self.index(cell, experiment),
            "vectors": self._query_vectors(cell),
            "excluded": experiment.excluded(*self.queries(cell)),
            **self.asked(cell),
        }

    def check(self, cell: "Cell", experiment: "Experiment") -> None:
        """A published index must hold impacts."""
        self.check_prebuilt(cell, experiment, "impact")

    def retrieve(self, inputs: Inputs, output: str, *, threads: int, tag: str, **facts: Any) -> None:
        """Search the index."""
        search_impact(
            inputs["index"],
            inputs["vectors"],
            output,
            depth=self.depth,
            threads=threads,
            excluded=inputs["excluded"],
            asked=inputs.get("asked"),
            segments=self.segments is not None,
            tag=tag,
        )


def impacts(weights: list[tuple[str, float]]) -> dict[str, int]:
    """Whole positive impacts by token; a weight that rounds to nothing is left out."""
    scaled = {token: round(weight / WEIGHT_RANGE * LEVELS) for token, weight in weights}
    return {token: impact for token, impact in scaled.items() if impact > 0}

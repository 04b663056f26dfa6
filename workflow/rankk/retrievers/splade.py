"""Learned sparse retrieval: a SPLADE encoder and a Lucene impact index (Formal et al. 2021; SPLADE-v3: Lassance et al.
2024)."""

import json
import logging
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveInt

from rankk import paths
from rankk.io.files import atomic_write
from rankk.progress import bar
from rankk.retrievers.base import Inputs, Job, Searcher, Segments, Step
from rankk.retrievers.encoders import load
from rankk.retrievers.lucene import index_impact, search_impact
from rankk.retrievers.texts import read_texts

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.paths import Cell

log = logging.getLogger("rankk")

WEIGHT_RANGE, LEVELS = 5, 256
"""Lucene's impacts are whole numbers: a weight of 5 becomes 256, Pyserini's own scale."""

BATCHES_AT_ONCE = 16
"""Batches handed to the encoder together: it sorts them by length, so that little is padded."""


class Encode(Step):
    """Sparse vectors of passages, of their segments, or of queries."""

    name = "sparse-vectors"

    model: str
    revision: str | None = None
    max_seq_length: PositiveInt
    batch_size: PositiveInt
    segments: Segments | None = None

    def run(self, inputs: Inputs, output: str, threads: int) -> None:
        """Write {"id", "vector": {token: impact}} lines. The encoder uses as many threads as the job has."""
        from sentence_transformers import SparseEncoder

        model = inputs["model"][0] if inputs["model"] else self.model
        encoder = load(SparseEncoder, model, self.revision, self.max_seq_length)
        total = sum(1 for _ in read_texts(inputs["texts"], self.segments))
        texts = read_texts(inputs["texts"], self.segments)
        with atomic_write(output) as file, bar(what="encode", unit="texts", total=total) as progress:
            while chunk := list(islice(texts, self.batch_size * BATCHES_AT_ONCE)):
                contents = [text for _, text in chunk]
                embeddings = encoder.encode(contents, batch_size=self.batch_size, show_progress_bar=False)
                for (identifier, _), weights in zip(chunk, encoder.decode(embeddings), strict=True):
                    file.write(json.dumps({"id": identifier, "vector": impacts(weights)}, ensure_ascii=False) + "\n")
                progress.update(len(chunk))
        log.info("%d texts encoded by %s", total, model)


class Index(Step):
    """An impact index of sparse vectors."""

    name = "impact-index"

    def run(self, inputs: Inputs, output: str, threads: int) -> None:
        """Index the vectors."""
        index_impact(inputs["vectors"], output, threads)


class Splade(Searcher):
    """A SPLADE encoder."""

    name = "splade"

    model: str = Field(description="name in the catalog's models, a hub id or a local folder")
    revision: str | None = Field(default=None, description="commit of the model on its hub")
    max_seq_length: PositiveInt = Field(default=512, description="tokens; longer texts are cut")
    batch_size: PositiveInt = Field(default=32, description="texts encoded at once")

    def model_names(self) -> list[tuple[str, str | None]]:
        """The encoder."""
        return [(self.model, self.revision)]

    @property
    def encoder_name(self) -> str:
        """Name of files that this encoder makes: retrievers that differ in depth or language share them."""
        name = f"{self.model}@{self.revision}" if self.revision else self.model
        parts = [name.strip("/").replace("/", "--"), str(self.max_seq_length)]
        return ".".join([*parts, self.segments.tag] if self.segments else parts)

    def index(self, cell: "Cell", experiment: "Experiment") -> str:
        """Folder of the index that is searched."""
        if download := self.prebuilt_index(cell, experiment):
            return download.path
        return paths.index(self.corpus(cell, experiment), self.encoder_name)

    def jobs(self, cell: "Cell", experiment: "Experiment") -> Iterator[Job]:
        """Encoded queries; encoded passages and their index, unless a published index is searched."""
        model = experiment.model_folder(self.model, self.revision)
        names = ("model", "revision", "max_seq_length", "batch_size")
        settings = {name: getattr(self, name) for name in names}
        collection, language = self.queries(cell)
        queries = {"texts": paths.queries(collection, language), "model": model}
        yield Job(Encode(**settings), queries, self._query_vectors(cell))
        if not self.prebuilt_index(cell, experiment):
            corpus = self.corpus(cell, experiment)
            vectors = paths.vectors(f"{corpus}/passages", self.encoder_name)
            passages = {"texts": paths.passages(corpus), "model": model}
            yield Job(Encode(**settings, segments=self.segments), passages, vectors)
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
            segments=self.segments is not None,
            tag=tag,
        )


def impacts(weights: list[tuple[str, float]]) -> dict[str, int]:
    """Whole positive impacts by token; a weight that rounds to nothing is left out."""
    scaled = {token: round(weight / WEIGHT_RANGE * LEVELS) for token, weight in weights}
    return {token: impact for token, impact in scaled.items() if impact > 0}

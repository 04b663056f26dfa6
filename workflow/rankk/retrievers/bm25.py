"""BM25 through Anserini (Robertson & Zaragoza 2009; Yang et al. 2017)."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rankk import paths
from rankk.config.base import Language
from rankk.languages import ANALYZERS
from rankk.retrievers.base import Inputs, Job, Searcher, Segments, Step
from rankk.retrievers.lucene import index_bm25, search_bm25
from rankk.retrievers.texts import segment_file

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.paths import Cell


class Index(Step):
    """An inverted index of a corpus. All BM25 retrievers of a corpus share it, whatever their k1 and b."""

    name = "bm25-index"

    language: Language = Field(description="chooses the analyzer")
    segments: Segments | None = None
    document_vectors: bool | None = Field(default=None, description="keep every passage's terms, for feedback")

    def run(self, inputs: Inputs, output: str, threads: int) -> None:
        """Index the passages, or their segments."""
        parent = Path(output).parent
        parent.mkdir(parents=True, exist_ok=True)
        with segment_file(inputs["passages"], self.segments, parent) as texts:
            index_bm25(texts, output, self.language, threads, document_vectors=bool(self.document_vectors))


class BM25(Searcher):
    """Lucene's BM25."""

    name = "bm25"

    k1: float = Field(default=0.9, ge=0, le=1000, description="term frequency saturation")
    b: float = Field(default=0.4, ge=0, le=1, description="length normalization")

    document_vectors: ClassVar[bool | None] = None
    """Whether the index must keep every passage's terms; None: no."""

    def search_options(self, language: str) -> dict[str, Any]:
        """Further arguments of `search_bm25`."""
        return {}

    def index_name(self) -> str:
        """Whether passages' terms are kept, and segments."""
        vectors, segments = ["vectors"] if self.document_vectors else [], [self.segments.tag] if self.segments else []
        return ".".join(["bm25", *vectors, *segments])

    def jobs(self, cell: "Cell", experiment: "Experiment") -> Iterator[Job]:
        """The index, unless a published one is searched."""
        if not self.prebuilt_index(cell, experiment):
            language = self.language(cell, experiment)
            step = Index(language=language, segments=self.segments, document_vectors=self.document_vectors)
            passages = paths.passages(self.corpus(cell, experiment))
            yield Job(step, {"passages": passages}, self.index(cell, experiment))

    def facts(self, cell: "Cell", experiment: "Experiment") -> dict[str, Any]:
        """The language, which chooses the analyzer of the queries."""
        return {"language": self.language(cell, experiment)}

    def check(self, cell: "Cell", experiment: "Experiment") -> None:
        """A published index must be an inverted one, and Lucene must have an analyzer for the language."""
        self.check_prebuilt(cell, experiment, "inverted")
        if (language := self.language(cell, experiment)) not in ANALYZERS:
            raise ValueError(f"language {language!r}: Lucene has no analyzer for it; known: {', '.join(ANALYZERS)}")

    def retrieve(self, inputs: Inputs, output: str, *, threads: int, tag: str, **facts: Any) -> None:
        """Search the index."""
        search, language = self.search(inputs, output, threads, tag), facts["language"]
        options = self.search_options(language)
        search_bm25(search, inputs["queries"], language=language, k1=self.k1, b=self.b, **options)

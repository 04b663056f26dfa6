"""BM25 with pseudo-relevance feedback: terms of the first passages are added to the query, which is searched again.

The index keeps every passage's terms, which takes about twice the room. A published index must have been built so.
Passages that are excluded from a query's run are removed afterwards: they may have been among the first passages.
"""

from typing import Any

from pydantic import Field, PositiveInt

from rankk.retrievers.bm25 import BM25

FIRST_PASSAGES = 50
"""Number of passages that Anserini uses for feedback by default."""


class Feedback(BM25):
    """Settings that both kinds of feedback have."""

    document_vectors = True

    feedback_passages: PositiveInt = Field(default=10, description="first passages whose terms are taken")
    feedback_terms: PositiveInt = Field(default=10, description="terms that are added to the query")

    def expansion(self, language: str) -> list[str]:
        """Anserini's options of this kind of feedback."""
        raise NotImplementedError

    def search_options(self, language: str) -> dict[str, Any]:
        """Feedback over as many passages as it reads."""
        cutoff = str(max(self.feedback_passages, FIRST_PASSAGES))
        return {"feedback": [*self.expansion(language), "-rerankCutoff", cutoff]}


class RM3(Feedback):
    """BM25 with RM3 (Abdul-Jaleel et al. 2004, "UMass at TREC 2004: Novelty and HARD"): the query interpolated with a
    relevance model of the first passages. Anserini keeps only terms of Latin letters and digits in English, all others
    in other languages.
    """

    name = "bm25-rm3"

    original_query_weight: float = Field(default=0.5, ge=0, le=1, description="weight of the query itself")

    def expansion(self, language: str) -> list[str]:
        """RM3's options."""
        return [
            *("-rm3", "-rm3.fbDocs", str(self.feedback_passages), "-rm3.fbTerms", str(self.feedback_terms)),
            *("-rm3.originalQueryWeight", str(self.original_query_weight)),
            *([] if language == "eng" else ["-rm3.noTermFilter"]),
        ]


class Rocchio(Feedback):
    """BM25 with Rocchio's feedback (Rocchio 1971, "Relevance Feedback in Information Retrieval"): the query moves
    towards the mean of the first passages' vectors, whose weights are BM25's.
    """

    name = "bm25-rocchio"

    alpha: float = Field(default=1.0, ge=0, le=100, description="weight of the query itself")
    beta: float = Field(default=0.75, ge=0, le=100, description="weight of the mean of the first passages")

    def expansion(self, language: str) -> list[str]:
        """Rocchio's options."""
        return [
            *("-rocchio", "-rocchio.topFbDocs", str(self.feedback_passages)),
            *("-rocchio.topFbTerms", str(self.feedback_terms)),
            *("-rocchio.alpha", str(self.alpha), "-rocchio.beta", str(self.beta)),
        ]

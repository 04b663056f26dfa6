"""BM25 on both sides, for queries as long as passages."""

from typing import Any

from rankk.retrievers.bm25 import BM25


class QuerySideBM25(BM25):
    """BM25 in which a query's terms are weighted by BM25 too, as if the query were a passage: idf and saturated counts
    on both sides. Used on BRIGHT, whose queries are long ("Lighting the Way for BRIGHT", arXiv 2509.02558).
    """

    name = "bm25-query-side"

    def search_options(self, language: str) -> dict[str, Any]:
        """Anserini's generator of weighted queries."""
        return {"query_side": True}

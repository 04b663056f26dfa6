"""Share of unjudged passages."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rankk.evaluation.measures.base import Measure


class Unjudged(Measure):
    """Share of the passages retrieved down to the cutoff that nobody judged.

    Unlike 1 − Judged@k, a list shorter than k is not counted as unjudged. Large values mean that the judgments cannot
    tell systems apart, see Buckley & Voorhees, "Retrieval Evaluation with Incomplete Information", SIGIR 2004.
    """

    name: ClassVar[str] = "Unjudged"

    def value(self, ranking: Sequence[str], grades: Mapping[str, int]) -> float:
        """0 where nothing was retrieved."""
        top = ranking[: self.cutoff]
        return sum(docid not in grades for docid in top) / len(top) if top else 0.0

"""Best and worst at once."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST, Promise, Strategy
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import AnswerContent, WindowRanker


class DualEnd(Strategy):
    """Each call shows all passages without a rank; the best one gets the first free rank and the worst one the last
    (Whole-Pool Setwise DualEnd, Li et al. 2026, arXiv 2606.01782).

    100 passages take 50 calls. Preset `best-worst` asks for these two passages only, as the authors do; of a ranking
    its first and last one count, and a passage that it does not name counts as worse than all named ones. The authors'
    program (hanglics/Whole-Pool-Setwise) was read: it exchanges the two passages with those at the ends of what is
    left, where here the others keep their order; and it asks again, up to three times, where an answer cannot be read.
    """

    name: ClassVar[str] = "dualend"
    needs: ClassVar[AnswerContent] = "ends"
    pool: int = Field(
        default=100, ge=2, le=LONGEST, description="passages that are shown at once; those beyond keep their order"
    )

    @property
    def passages_per_call(self) -> int:
        """The pool."""
        return self.pool

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Fill the ranking from both ends."""
        left, front, back = list(docids[: self.pool]), list[str](), list[str]()
        while len(left) > 1:
            ranking = await order(ranker, left, chain=len(left) // 2 - 1)
            front.append(ranking[0])
            back.append(ranking[-1])
            left = [docid for docid in left if docid not in (ranking[0], ranking[-1])]
        return [*front, *left, *reversed(back), *docids[self.pool :]]

    def calls(self, n: int) -> int:
        """One for two passages."""
        return min(n, self.pool) // 2

    def promise(self, n: int) -> Promise:
        """The list, where the pool holds it."""
        return Promise(n if n <= self.pool else 0)

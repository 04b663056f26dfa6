"""The base class of strategies, and the registry that finds them."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from rankk.component import Component, Registry
from rankk.reranking.types import AnswerContent, WindowRanker

Kind = Literal["listwise", "pointwise"]
"""Whether a model ranks several passages in one call, or scores one passage."""

LONGEST = 100_000
"""Largest number of passages that a setting may name."""


class Promise(NamedTuple):
    """What a strategy brings to the front if every answer is right.

    `best`: so many of the best passages of the whole list come first. `ordered`: in the right order. `tied`: also
    where passages are equally relevant.
    """

    best: int
    ordered: bool = True
    tied: bool = True


class Strategy(Component):
    """Turns a first-stage order into a better one by asking a ranker about windows of it.

    Every strategy returns all passages, asks about two or more at a time (pointwise: one), and needs no call for a
    list of one. A list of n is what is reranked of a query: its first `depth` passages.
    """

    kind: ClassVar[Kind] = "listwise"
    """The kind of model that the strategy asks."""

    needs: ClassVar[AnswerContent] = "order"
    """What it uses of an answer."""

    exact: ClassVar[bool] = True
    """Whether `calls` is the number of calls made; otherwise answers decide, and it is the most."""

    anytime: ClassVar[bool] = False
    """Whether the strategy makes further calls only as long as the ranker has room for them."""

    @property
    @abstractmethod
    def passages_per_call(self) -> int:
        """Most passages in one call."""

    @abstractmethod
    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """All of `docids` in their new order."""

    @abstractmethod
    def calls(self, n: int) -> int:
        """Calls for a list of n: the number, or the most where answers decide (`exact`)."""

    def longest_chain(self, n: int) -> int:
        """Calls of the longest chain of which each waits for the one before; the most where answers decide.

        By default every call waits for the one before.
        """
        return self.calls(n)

    @abstractmethod
    def promise(self, n: int) -> Promise:
        """The passages that are ranked first for a list of n if every answer is right."""


class WindowStrategy(Strategy):
    """A strategy whose calls hold at most `window` passages."""

    window: int = Field(default=20, ge=2, le=LONGEST, description="passages in one call")

    @property
    def passages_per_call(self) -> int:
        """The window."""
        return self.window

    def promise(self, n: int) -> Promise:
        """The list, where one window holds it."""
        return Promise(n if n <= self.window else 0)


STRATEGIES = Registry("strategy", Strategy, "rankk.reranking.strategies")

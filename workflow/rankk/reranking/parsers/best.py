"""The one passage that an answer names."""

from typing import ClassVar

from rankk.llm.types import Completion, Thinking
from rankk.reranking.parsers.base import Parser
from rankk.reranking.parsers.ranking import Ranking
from rankk.reranking.types import Answer, AnswerContent, Outcome


class Best(Parser):
    """The most relevant passage (setwise prompts, Zhuang et al. 2024), read by `ranking` as a list of one.

    If several passages are named, the first one counts (repair `several`).
    """

    name: ClassVar[str] = "best"
    reads: ClassVar[AnswerContent] = "best"

    def parse(self, completion: Completion, n: int, thinking: Thinking | None) -> Answer:
        """The passage alone; what else the window holds stays in its order."""
        answer = Ranking().parse(completion, n, thinking)
        if not answer.groups:
            return answer
        several = sum(map(len, answer.groups)) > 1
        repairs = sorted({*answer.repairs, *(["several"] if several else [])} - {"prose"})
        return Answer((answer.groups[0][:1],), Outcome.REPAIRED if repairs else Outcome.OK, tuple(repairs))

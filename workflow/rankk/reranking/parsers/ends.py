"""The two passages that an answer names: the best and the worst one."""

import re
from typing import ClassVar

from rankk.llm.types import Completion, Thinking
from rankk.reranking.parsers.base import Parser, answer_of, mention
from rankk.reranking.parsers.ranking import Ranking, answer_text
from rankk.reranking.types import Answer, AnswerContent

ASKED = re.compile(r"best: \[\d{1,4}\], worst: \[\d{1,4}\]\.?", re.IGNORECASE)
BEST = re.compile(r"\b(?:best|most relevant)\b[^\d\n]{0,40}(\d{1,4})", re.IGNORECASE)
WORST = re.compile(r"\b(?:worst|least relevant)\b[^\d\n]{0,40}(\d{1,4})", re.IGNORECASE)


class Ends(Parser):
    """`Best: [3], Worst: [7]` (Whole-Pool Setwise DualEnd, Li et al. 2026); the last mention of each counts.

    Where an answer is a ranking or a list instead, its first and its last passage count (repair `format`). An answer
    that names the best passage only is `partial`.
    """

    name: ClassVar[str] = "ends"
    reads: ClassVar[AnswerContent] = "ends"

    def parse(self, completion: Completion, n: int, thinking: Thinking | None) -> Answer:
        """The best passage, all others in their order, and the worst one."""
        text, repairs = answer_text(completion, thinking)
        text = text.strip()
        if ASKED.fullmatch(text) is None:
            repairs.add("prose")
        best, worst = (_last(pattern, text, completion.finish_reason == "length") for pattern in (BEST, WORST))
        if best is None and worst is None:
            listed = [position + 1 for group in Ranking().parse(completion, n, thinking).groups for position in group]
            best, worst = (listed[0], listed[-1]) if len(listed) > 1 else (None, None)
            repairs = repairs - {"prose"} | {"format"}
        positions: dict[int, None] = {}
        if best is not None and mention(best - 1, n, positions, repairs) and worst is not None:
            mention(worst - 1, n, positions, repairs)
        groups = [[position] for position in positions]
        if between := [position for position in range(n) if position not in positions] if len(groups) == 2 else []:
            groups.insert(1, between)
        return answer_of(groups, n, repairs, text, completion.finish_reason)


def _last(pattern: re.Pattern[str], text: str, cut_off: bool) -> int | None:
    """The number of the last match; one at the end of an answer that was cut off may have lost a digit."""
    numbers = [int(match[1]) for match in pattern.finditer(text) if not (cut_off and match.end() == len(text))]
    return numbers[-1] if numbers else None

"""Every number of an answer, as read by the programs that made published runs."""

import re
from typing import ClassVar

from rankk.llm.types import Completion, Thinking
from rankk.reranking.parsers.base import ASKED, Parser, answer_of, mention
from rankk.reranking.types import Answer

DIGITS = re.compile(r"\d{1,4000}")  # largest number of digits that Python converts


class Digits(Parser):
    """Every number in the whole text, reasoning included: the first mention counts, numbers out of range are dropped.

    This is how published runs of RankGPT and its descendants were made. Use it only to reproduce them.
    """

    name: ClassVar[str] = "digits"

    def parse(self, completion: Completion, n: int, thinking: Thinking | None) -> Answer:
        """Numbers in their order."""
        text = completion.text or ""
        repairs: set[str] = set()
        if ASKED.fullmatch(text.strip()) is None:
            repairs.add("format")
        positions: dict[int, None] = {}
        for match in DIGITS.finditer(text):
            mention(int(match[0]) - 1, n, positions, repairs)
        return answer_of([[position] for position in positions], n, repairs, text, completion.finish_reason)

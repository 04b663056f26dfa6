"""Rankings of passages that are called by letters."""

import re
import string
from typing import ClassVar

from rankk.llm.types import Completion, Thinking
from rankk.reranking.parsers.base import Parser, answer_of, mention
from rankk.reranking.parsers.ranking import answer_text
from rankk.reranking.types import Answer

ITEM = re.compile(r"(?:\[\s{0,3}|\A\s{0,3})([A-Z])\s{0,3}\]")
"""A letter in brackets; the first may stand in the prompt (`prefix`)."""
ASKED = re.compile(r"\[?[A-Z]\](?:\s*+>\s*+\[[A-Z]\])*+")


class Letters(Parser):
    """`[B] > [A]` after the reasoning: bracketed capital letters, first mention wins, all others dropped."""

    name: ClassVar[str] = "letters"

    @property
    def most(self) -> int:
        """The number of letters."""
        return len(string.ascii_uppercase)

    def parse(self, completion: Completion, n: int, thinking: Thinking | None) -> Answer:
        """Letters in their order."""
        text, repairs = answer_text(completion, thinking)
        text = text.strip()
        if ASKED.fullmatch(text) is None:
            repairs.add("format")
        positions: dict[int, None] = {}
        for match in ITEM.finditer(text):
            mention(ord(match[1]) - ord("A"), n, positions, repairs)
        return answer_of([[position] for position in positions], n, repairs, text, completion.finish_reason)

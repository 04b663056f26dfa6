"""The grade that an answer gives each passage."""

import re
from typing import ClassVar

from rankk.llm.types import Completion, Thinking
from rankk.reranking.parsers.base import Parser, answer_of
from rankk.reranking.parsers.ranking import answer_text
from rankk.reranking.parsers.records import statements
from rankk.reranking.types import Answer, AnswerContent

ASKED = re.compile(r"(?:```(?:json)?\s*+)?\{[^{}]*+\}(?:\s*+```)?", re.IGNORECASE)
"""The form that prompts ask for: one JSON object, also between fences."""


class Grades(Parser):
    """Grades by identifier, in JSON (`{"[1]": 5, "[2]": 8}`) or in lines: the passages in the order of their grades.

    Strategy `groups` averages the grades themselves. An answer that grades a passage twice, or with anything but a
    number, is not used. Identifiers that are not in the window are dropped.
    """

    name: ClassVar[str] = "grades"
    reads: ClassVar[AnswerContent] = "grades"

    def parse(self, completion: Completion, n: int, thinking: Thinking | None) -> Answer:
        """Passages by grade, equal ones tied, and their grades."""
        text, repairs = answer_text(completion, thinking)
        text = text.strip()
        if ASKED.fullmatch(text) is None:
            repairs.add("format")
        cut_off = completion.finish_reason == "length"
        found = statements(text.rpartition("\n")[0] if cut_off else text, n) or []
        values = [each.value if each.score is None else each.score for each in found]
        grades: dict[int, float] = {}
        if len({each.id for each in found}) == len(found):
            for each, value in zip(found, values, strict=True):
                if value is None:
                    grades = {}
                    break
                if 1 <= each.id <= n:
                    grades[each.id - 1] = value
                else:
                    repairs.add("out of range")
        groups = [[p for p in sorted(grades) if grades[p] == value] for value in sorted(set(grades.values()))[::-1]]
        answer = answer_of(groups, n, repairs, text, completion.finish_reason)
        return Answer(answer.groups, answer.outcome, answer.repairs, tuple(grades.items()) if answer.groups else ())

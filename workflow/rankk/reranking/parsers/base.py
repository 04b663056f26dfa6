"""The base class of parsers, what they share, and the registry that finds them."""

import re
from abc import abstractmethod
from typing import ClassVar

from rankk.component import Component, Registry
from rankk.llm.types import Completion, Thinking
from rankk.reranking.types import Answer, AnswerContent, Outcome

ASKED = re.compile(r"\[[0-9]{1,4}\](?:\s*+[>=]\s*+\[[0-9]{1,4}\])*+")
"""The form that prompts ask for."""
REFUSAL = re.compile(
    r"\b(?:i(?:['’]m| am) (?:sorry|unable)|i (?:cannot|can['’]?t)|(?:unable|refuse) to (?:rank|assist|help)|as an ai)\b"
    r"|抱歉|对不起|无法|متأسف|извините|к сожалению",
    re.IGNORECASE,
)
REFUSAL_CHARACTERS = 400  # characters in which a refusal is looked for


class Parser(Component):
    """Reads the answer to a window. Never raises, takes time linear in the answer's length."""

    reads: ClassVar[AnswerContent] = "order"
    """What is read from an answer about a window."""

    @property
    def logprobs(self) -> int:
        """Alternatives of the answer's first token that are read with their log probabilities; 0: the text is read."""
        return 0

    @property
    def most(self) -> int | None:
        """Passages that an answer can tell apart; None: any number."""
        return None

    @abstractmethod
    def parse(self, completion: Completion, n: int, thinking: Thinking | None) -> Answer:
        """The answer about a window of n passages; `thinking`: how the model marks its reasoning."""


PARSERS = Registry("parser", Parser, "rankk.reranking.parsers")


def refuses(text: str) -> bool:
    """Whether the model declines at the beginning of its answer."""
    return REFUSAL.search(text[:REFUSAL_CHARACTERS]) is not None


def mention(position: int, n: int, positions: dict[int, None], repairs: set[str]) -> bool:
    """Add a position (from 0) at its first mention; tells whether it was that."""
    if not 0 <= position < n:
        repairs.add("out of range")
    elif position in positions:
        repairs.add("duplicate")
    else:
        positions[position] = None
        return True
    return False


def answer_of(groups: list[list[int]], n: int, repairs: set[str], text: str, finish_reason: str) -> Answer:
    """The answer with its outcome. `text`: what the model said; `groups`: positions from 0.

    What stands before the place where a content filter stopped is no answer.
    """
    if finish_reason == "content_filter":
        return Answer((), Outcome.REFUSED)
    named, cut_off = sum(map(len, groups)), finish_reason == "length"
    if not named:
        if refuses(text):
            return Answer((), Outcome.REFUSED)
        return Answer((), Outcome.TRUNCATED if cut_off else Outcome.EMPTY)
    if cut_off:
        repairs.add("cut off")
    outcome = Outcome.PARTIAL if named < n else Outcome.REPAIRED if repairs else Outcome.OK
    return Answer(tuple(map(tuple, groups)), outcome, tuple(sorted(repairs)))

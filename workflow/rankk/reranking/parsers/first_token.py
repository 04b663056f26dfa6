"""The order given by the probabilities of an answer's first token."""

import string
from typing import ClassVar

from pydantic import Field

from rankk.llm.types import MOST_LOGPROBS, Completion, Thinking
from rankk.reranking.parsers.base import Parser, answer_of
from rankk.reranking.types import Answer


class FirstToken(Parser):
    """Passages in the order of the probability that the answer begins with their identifier (FIRST, Reddy et al. 2024).

    Only this token is generated. Passages whose identifier is not among the likeliest tokens count as not named.
    """

    name: ClassVar[str] = "first-token"
    alternatives: int = Field(
        default=100,
        ge=1,
        le=MOST_LOGPROBS,
        description="likeliest tokens that are asked for; many hosted servers send 20 at most",
    )
    tokens: list[str] = Field(
        default=list(string.ascii_uppercase), min_length=2, description="tokens that name the first, second, … passage"
    )

    @property
    def logprobs(self) -> int:
        """The alternatives."""
        return self.alternatives

    @property
    def most(self) -> int:
        """As many as there are tokens."""
        return len(self.tokens)

    def parse(self, completion: Completion, n: int, thinking: Thinking | None) -> Answer:
        """The passages in the order of their tokens' log probabilities; equal ones are tied."""
        likely = completion.first_logprobs or {}
        groups: dict[float, list[int]] = {}
        for position, token in enumerate(self.tokens[:n]):
            if token in likely:
                groups.setdefault(-likely[token], []).append(position)
        reason = "stop" if completion.finish_reason == "length" else completion.finish_reason  # one token is asked for
        return answer_of([groups[key] for key in sorted(groups)], n, set(), completion.text or "", reason)

"""What the parts of the engine hand to each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]

TieGroups = list[list[str]]
"""Passage ids, best group first; ids of one group are tied and stand in their previous order."""


@dataclass(frozen=True)
class Message:
    """One chat message."""

    role: Role
    content: str


@dataclass(frozen=True)
class Prompt:
    """A rendered window: chat messages, or raw text for models trained without a chat template.

    `prefix` is the beginning of the model's answer that is given to it (for example a closed thought).
    """

    messages: tuple[Message, ...] = ()
    text: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class Sampling:
    """Every sampling field that decides an answer; none is left to a backend's default."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0  # 0: all
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_tokens: int = 1024
    stop: tuple[str, ...] = ()
    seed: int | None = None
    logprobs: int = 0  # alternatives wanted for the first generated token
    thinking_budget: int | None = None  # tokens after which the engine itself closes the thought


@dataclass(frozen=True)
class Completion:
    """What a backend answered to one prompt. Times in seconds, lengths in tokens (None: not told)."""

    text: str
    finish_reason: str  # stop, length, or the server's own word
    reasoning: str | None = None  # where the server separates it from the answer
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    first_logprobs: dict[str, float] | None = None  # first token's alternatives: text → natural log probability
    seconds: float = 0.0
    budget_fired: bool = False  # the thought was closed at its budget
    token_ids: tuple[int, ...] = ()  # what was written, where a thinking budget has to be verified


class Backend(Protocol):
    """Answers prompts. Raises RankkError for what retrying cannot mend."""

    max_in_flight: int
    """How many calls it is worth sending at once."""

    async def complete(self, prompt: Prompt, sampling: Sampling, *, priority: int = 0) -> Completion:
        """One completion; of waiting calls the one with the LOWER priority number goes first."""
        ...

    async def close(self) -> None:
        """Release engine, connections and processes."""
        ...


class Outcome(StrEnum):
    """How a call's answer parsed."""

    OK = "ok"  # every identifier once, in the asked format
    REPAIRED = "repaired"  # complete after repairs that are named
    PARTIAL = "partial"  # some identifiers missing
    TRUNCATED = "truncated"  # the token budget ended before an answer stood there
    EMPTY = "empty"  # no identifier in the answer
    REFUSED = "refused"  # the model declined


@dataclass(frozen=True)
class Answer:
    """A parsed answer: tie groups of 0-based window positions, only those that the model named."""

    groups: tuple[tuple[int, ...], ...]
    outcome: Outcome
    repairs: tuple[str, ...] = ()

    def complete(self, n: int) -> list[list[int]]:
        """Tie groups over all n positions: ties in previous order, unnamed ones behind in previous order."""
        named = {position for group in self.groups for position in group}
        groups = [sorted(group) for group in self.groups]
        return groups + [[position] for position in range(n) if position not in named]


class Judge(Protocol):
    """What a strategy may ask about one query's passages."""

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """Order a window of passage ids, all of them. `chain`: longest chain of calls that wait for this one."""
        ...

    async def score(self, docid: str) -> float:
        """Relevance of one passage in 0 … 1 (pointwise models)."""
        ...


class Strategy(Protocol):
    """Turns a first-stage order into a better one by asking a judge."""

    exact: bool
    """Whether `calls` is what is really made, or the worst case."""

    async def rerank(self, docids: Sequence[str], judge: Judge) -> list[str]:
        """All of `docids` in their new order."""
        ...

    def calls(self, n: int) -> int:
        """Calls for a list of n passages: exact, or the worst case where answers decide (`exact` says which)."""
        ...

    def longest_chain(self, n: int) -> int:
        """Length of the longest chain of calls that depend on each other (worst case)."""
        ...

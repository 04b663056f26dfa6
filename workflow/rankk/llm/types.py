"""Types of prompts, sampling parameters and completions."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from rankk.config.base import Strict

MOST_LOGPROBS = 1000
"""Largest number of a token's alternatives that an engine started by rankk returns."""

Role = Literal["system", "user", "assistant"]

Count = Annotated[int, Field(ge=0, le=2**53)]
"""A non-negative integer that every JSON reader represents exactly."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A time span."""


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
    """What a model answered to one prompt. Times in seconds, lengths in tokens (None: not told)."""

    text: str
    finish_reason: str  # stop, length, content_filter or tool_calls
    reasoning: str | None = None  # where the server separates it from the answer
    prompt_tokens: Count | None = None
    output_tokens: Count | None = None
    first_logprobs: dict[str, float] | None = None  # first token's alternatives: text → natural log probability
    seconds: Seconds = 0.0  # from sending the request to its answer, waiting included
    waited: Seconds | None = None  # of these, in the engine until it began to compute
    computed: Seconds | None = None  # of these, from then to the last token, beside other calls
    budget_fired: bool = False  # the thought was closed at its budget
    token_ids: tuple[int, ...] = ()  # what was written, where a thinking budget has to be verified
    score: Annotated[float, Field(allow_inf_nan=False)] | None = None  # a pointwise model's relevance, 0 to 1
    replaced: Count | None = None  # half characters (lone surrogates) in text and reasoning that became U+FFFD


@dataclass(frozen=True)
class CallContext:
    """Which call of which query is made. Of waiting calls the one with the LOWER `priority` goes first."""

    qid: str = ""
    number: int = 0
    priority: int = 0


class Client(Protocol):
    """Answers prompts. Raises RankkError where a call fails for good, BackendError where every further call would."""

    max_in_flight: int
    """Number of calls to send at once."""

    @property
    def facts(self) -> dict[str, Any]:
        """Entries for the manifest, known when all calls are made."""
        ...

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        """One completion."""
        ...

    async def close(self) -> None:
        """Release engine, connections and processes."""
        ...


class Thinking(Strict):
    """How a model marks its reasoning."""

    open: str = Field(default="<think>", min_length=1, description="tag before the reasoning")
    close: str = Field(default="</think>", min_length=1, description="tag behind the reasoning")
    opened_by_template: bool = Field(default=False, description="the prompt ends inside the thought already")

    @property
    def line_break(self) -> str:
        """Text between tags and reasoning; empty if the tags are control tokens (<|end|>)."""
        return "" if self.close.endswith("|>") else "\n"

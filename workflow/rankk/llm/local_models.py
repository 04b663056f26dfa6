"""Models that torch runs in this process, in batches of the calls that wait.

A model is loaded when the first call is made, so a cell whose calls are all in the journal loads none.
"""

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from rankk.config.base import cosmetic
from rankk.errors import BackendError
from rankk.io.files import read_json
from rankk.llm.backends import Backend
from rankk.llm.connection import Model
from rankk.llm.tokenizers import ModelTokenizer
from rankk.llm.types import CallContext, Completion, Prompt, Sampling

BATCHES_WAITING = 8
"""Number of batches that are sorted by length together, to reduce padding."""

Pair = tuple[str, str]
"""Query and passage."""


class LocalModel(Backend):
    """Settings of a model that runs on a GPU if the machine has one, otherwise on the CPU."""

    loads_model: ClassVar[bool] = True

    batch_size: PositiveInt = cosmetic(default=32, description="calls answered at once")
    dtype: Literal["float32", "float16", "bfloat16"] = Field(default="float32", description="type of the weights")
    device: Literal["auto", "cpu"] = cosmetic(default="auto", description="auto: a GPU where there is one; cpu: none")

    @property
    def gpus(self) -> int:
        """One, unless the CPU is to be used."""
        return int(self.device == "auto")

    @classmethod
    def takes(cls, folder: Path) -> bool:
        """Whether this backend can run the model in a folder."""
        raise NotImplementedError

    @property
    def torch_dtype(self) -> Any:
        """The type of the weights in torch."""
        import torch

        return getattr(torch, self.dtype)


def architecture(folder: Path) -> str:
    """The class that a model's config.json names; empty if it names none."""
    try:
        classes = read_json(folder / "config.json")["architectures"] or [""]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return str(classes[0])


def pair_of(prompt: Prompt) -> Pair:
    """Query and passage: the prompt's two messages."""
    query, passage = prompt.messages
    return query.content, passage.content


class PairTokenizer(ModelTokenizer):
    """Counts the tokens of a pair of query and passage in a cross-encoder's input."""

    @property
    def longest(self) -> int:
        """Largest number of tokens that the tokenizer accepts."""
        return int(self._tokenizer.model_max_length)

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of the pair, special tokens included."""
        return len(self._tokenizer(*pair_of(prompt), verbose=False)["input_ids"])

    def excess(self, prompt: Prompt, limit: int) -> int:
        """Tokens by which the pair is longer than `limit`."""
        return self.prompt_tokens(prompt) - limit


class TextsTokenizer(ModelTokenizer):
    """Counts tokens for models that encode each message of a prompt separately."""

    longest: int | None = None
    """Largest number of tokens of a message; None: no limit."""

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of all messages, special tokens included."""
        return sum(self._lengths(prompt))

    def excess(self, prompt: Prompt, limit: int) -> int:
        """Tokens by which messages exceed the largest length of a message. `limit` does not apply to these models."""
        longest = self.longest or math.inf
        return int(sum(max(0, length - longest) for length in self._lengths(prompt)))

    def _lengths(self, prompt: Prompt) -> list[int]:
        texts = [message.content for message in prompt.messages]
        return [len(ids) for ids in self._tokenizer(texts, verbose=False)["input_ids"]]


class Batches(ABC):
    """A client that collects calls while a batch is computed and answers them in the next batch."""

    def __init__(self, settings: LocalModel, model: Model, tokenizer: ModelTokenizer) -> None:
        self._settings, self._model, self._tokenizer = settings, model, tokenizer
        self.max_in_flight = BATCHES_WAITING * settings.batch_size
        self._waiting: list[tuple[Prompt, Sampling, asyncio.Future[Completion]]] = []
        self._working: asyncio.Task[None] | None = None
        self._loaded: Any = None
        self._start_seconds = 0.0

    def check(self) -> None:
        """BackendError where the model cannot be loaded as its authors mean it; called before it is loaded."""
        refuse_own_code(self._model)

    @abstractmethod
    def load(self) -> Any:
        """Load the model. Any exception fails every call."""

    @abstractmethod
    def answer(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Completions of the model in `self._loaded`, in the order of the prompts."""

    @property
    def facts(self) -> dict[str, Any]:
        """Seconds that loading the model took; 0 if it was not loaded."""
        return {"engine_start_seconds": round(self._start_seconds, 3)}

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        """Queue a call and return its completion when its batch is done. The call waits until its batch begins."""
        began = time.monotonic()
        completion: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting.append((prompt, sampling, completion))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        done = await completion
        seconds = time.monotonic() - began
        return replace(done, seconds=seconds, waited=max(0.0, seconds - (done.computed or 0.0)))

    async def _work(self) -> None:
        await asyncio.sleep(0)  # calls that are made together are answered together
        while self._waiting:
            batch, self._waiting = self._waiting, []
            prompts = [prompt for prompt, _, _ in batch]
            outcomes: Sequence[Completion | BackendError]
            try:
                outcomes = await asyncio.to_thread(self._answers, prompts, batch[0][1])
            except Exception as error:  # any exception of torch fails every call of the batch
                reason = str(error) if isinstance(error, BackendError) else f"{type(error).__name__}: {error}"
                outcomes = [BackendError(f"model {self._model.name}: no answers: {reason}")] * len(batch)
            for (_, _, future), outcome in zip(batch, outcomes, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, BackendError):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    def _answers(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        if self._loaded is None:
            began = time.monotonic()
            self.check()
            self._loaded = self.load()
            self._start_seconds = time.monotonic() - began
        began = time.monotonic()
        completions = self.answer(prompts, sampling)
        computed = time.monotonic() - began
        return [replace(completion, computed=computed) for completion in completions]

    async def close(self) -> None:
        """Wait for the batch that is being computed."""
        if self._working is not None:
            await asyncio.gather(self._working, return_exceptions=True)


class Scores(Batches):
    """Scores passages for queries. The logistic function maps the model's outputs to values between 0 and 1."""

    @abstractmethod
    def score(self, prompts: Sequence[Prompt]) -> Sequence[float]:
        """The model's output for each prompt, which is about one passage: the higher, the more relevant."""

    def answer(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Completions without text, with scores."""
        values = self.score(prompts)
        return [self._completion(prompt, float(value)) for prompt, value in zip(prompts, values, strict=True)]

    def _completion(self, prompt: Prompt, value: float) -> Completion:
        if not math.isfinite(value):
            raise BackendError(f"a score is {value}; set dtype: float32")
        score = 1 / (1 + math.exp(-value)) if value > 0 else math.exp(value) / (1 + math.exp(value))
        tokens = self._tokenizer.prompt_tokens(prompt)
        return Completion("", "stop", prompt_tokens=tokens, output_tokens=0, score=score)


def refuse_own_code(model: Model) -> None:
    """Raise BackendError if the model's configuration requires custom code (`auto_map`).

    Without that code, transformers may load the model as a similar class and fill the weights that it does not find
    with random values.
    """
    from transformers import PretrainedConfig

    config, _ = PretrainedConfig.get_config_dict(model.path, revision=model.revision)
    if any(name.startswith("AutoModel") for name in config.get("auto_map", {})):
        raise BackendError("its files require custom code, which rankk does not run (trust_remote_code)")

"""Cross-encoders of sentence-transformers, in this process: a score for each pair of query and passage."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from rankk.config.base import cosmetic
from rankk.errors import BackendError
from rankk.llm.backends import Backend
from rankk.llm.connection import Connection, Model
from rankk.llm.tokenizers import ModelTokenizer, model_context
from rankk.llm.types import CallContext, Completion, Prompt, Sampling

BATCHES_WAITING = 8
"""Number of batches that are sorted by length together, to reduce padding."""

Pair = tuple[str, str]


class CrossEncoder(Backend):
    """A cross-encoder (Nogueira & Cho 2019) on the GPU where there is one, else on the CPU.

    It is loaded with the first call that has to be made. The logistic function turns the model's logits into scores.
    """

    name = "cross-encoder"
    loads_model: ClassVar[bool] = True
    reads_pairs: ClassVar[bool] = True

    batch_size: PositiveInt = cosmetic(default=32, description="pairs scored at once")
    max_length: PositiveInt | None = Field(default=None, description="tokens of a pair; default: the model's own limit")
    dtype: Literal["float32", "float16", "bfloat16"] = Field(default="float32", description="type of the weights")
    device: Literal["auto", "cpu"] = cosmetic(default="auto", description="auto: a GPU where there is one; cpu: none")

    @property
    def gpus(self) -> int:
        """One, unless the CPU is to be used."""
        return int(self.device == "auto")

    @asynccontextmanager
    async def connect(self, model: Model, engine_owner: int | None = None) -> AsyncIterator[Connection]:
        """The model's tokenizer, and its weights when they are needed; always in this process."""
        tokenizer = PairTokenizer(model.path, model.revision)
        context = min(self.max_length or model_context(model.path, model.revision), tokenizer.longest)
        scorer = Scorer(self, model, context, tokenizer)
        yield Connection(scorer, tokenizer, context, deciding={"dtype": self.dtype})


class PairTokenizer(ModelTokenizer):
    """Counts a pair as the model reads it."""

    @property
    def longest(self) -> int:
        """Tokens that the tokenizer allows."""
        return int(self._tokenizer.model_max_length)

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of the pair with what the model puts around and between its texts."""
        return len(self._tokenizer(*pair_of(prompt), verbose=False)["input_ids"])

    def excess(self, prompt: Prompt, limit: int) -> int:
        """Tokens by which the pair is longer than `limit`."""
        return self.prompt_tokens(prompt) - limit


def pair_of(prompt: Prompt) -> Pair:
    """Query and passage: the prompt's two messages."""
    query, passage = prompt.messages
    return query.content, passage.content


class Scorer:
    """Scores pairs in batches: the next batch consists of all calls that wait when a batch ends."""

    def __init__(self, settings: CrossEncoder, model: Model, context: int, tokenizer: PairTokenizer) -> None:
        self._settings, self._model, self._context, self._tokenizer = settings, model, context, tokenizer
        self.max_in_flight = BATCHES_WAITING * settings.batch_size
        self._waiting: list[tuple[Pair, asyncio.Future[float]]] = []
        self._working: asyncio.Task[None] | None = None
        self._encoder: Any = None
        self._start_seconds = 0.0

    @property
    def facts(self) -> dict[str, Any]:
        """How long the model took to load; 0 where no call needed it."""
        return {"engine_start_seconds": round(self._start_seconds, 3)}

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        """A completion without text, with the score of the pair."""
        began = time.monotonic()
        score = asyncio.get_running_loop().create_future()
        self._waiting.append((pair_of(prompt), score))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        value = await score
        tokens = self._tokenizer.prompt_tokens(prompt)
        return Completion(
            "", "stop", prompt_tokens=tokens, output_tokens=0, seconds=time.monotonic() - began, score=value
        )

    async def _work(self) -> None:
        await asyncio.sleep(0)  # calls that are made together are scored together
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                scores = await asyncio.to_thread(self._score, [pair for pair, _ in batch])
            except Exception as error:  # any error of torch ends every call
                failure = BackendError(f"model {self._model.name}: no scores: {type(error).__name__}: {error}")
                scores = [failure] * len(batch)
            for (_, future), score in zip(batch, scores, strict=True):
                if future.done():
                    continue
                if isinstance(score, Exception):
                    future.set_exception(score)
                else:
                    future.set_result(score)

    def _score(self, pairs: Sequence[Pair]) -> list[float | BackendError]:
        """Scores between 0 and 1, in the order of the pairs."""
        import torch

        if self._encoder is None:
            began = time.monotonic()
            self._encoder = self._loaded()
            self._start_seconds = time.monotonic() - began
        logits = self._encoder.predict(
            list(pairs),
            batch_size=self._settings.batch_size,
            activation_fn=torch.nn.Identity(),
            show_progress_bar=False,
        )
        return [self._logistic(float(logit)) for logit in logits]

    def _logistic(self, logit: float) -> float | BackendError:
        if not math.isfinite(logit):
            return BackendError(f"model {self._model.name}: a score is {logit}; set dtype: float32")
        return 1 / (1 + math.exp(-logit)) if logit > 0 else math.exp(logit) / (1 + math.exp(logit))

    def _loaded(self) -> Any:
        import torch
        from sentence_transformers import CrossEncoder as Encoder

        encoder = Encoder(
            self._model.path,
            revision=self._model.revision,
            device="cpu" if self._settings.device == "cpu" else None,
            trust_remote_code=False,
            model_kwargs={"dtype": getattr(torch, self._settings.dtype)},
        )
        if encoder.num_labels != 1:
            raise ValueError(f"has {encoder.num_labels} outputs for a pair; expected a cross-encoder with one score")
        encoder.max_seq_length = self._context
        return encoder

    async def close(self) -> None:
        """Wait for the batch that is being scored."""
        if self._working is not None:
            await asyncio.gather(self._working, return_exceptions=True)

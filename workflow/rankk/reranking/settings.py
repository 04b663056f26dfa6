"""A reranker's settings once its preset has filled in what the configuration leaves out."""

from dataclasses import dataclass, replace
from typing import TypeVar

from rankk.config.reranker import Reranker
from rankk.errors import RankkError
from rankk.llm.connection import Model
from rankk.llm.types import Sampling
from rankk.reranking.consensus import Consensus
from rankk.reranking.parsers.base import Parser
from rankk.reranking.presets import Preset
from rankk.reranking.strategies.base import Strategy
from rankk.reranking.types import WindowRanker

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """Everything that decides a cell's answers."""

    reranker: Reranker
    preset: Preset
    model: str
    parser: Parser
    sampling: Sampling
    passage_tokens: int
    thinking_tokens: int | None
    answer_tokens: int

    @property
    def completion_tokens(self) -> int:
        """Tokens that a call may write: reasoning and answer."""
        if self.thinking_tokens is None:
            return self.sampling.max_tokens
        return self.thinking_tokens + self.answer_tokens

    @property
    def adapter(self) -> str | None:
        """Hub id or folder of the LoRA adapter that the backend loads with the model."""
        return self.reranker.backend.adapter(self.preset.lora)

    def asked_model(self, files: str | None = None, adapter: str | None = None) -> Model:
        """The model as backends know it; `files`, `adapter`: folders of its and its adapter's files, if their names do
        not say where these are."""
        preset = self.preset
        template = preset.chat_template_kwargs
        return Model(self.model, self.reranker.revision, preset.thinking, template, files, self.adapter, adapter)

    def sampling_for(self, sample: int) -> Sampling:
        """Sampling of the window's sample number (from 0): each has its own seed."""
        return replace(self.sampling, seed=self.reranker.seed + sample)

    def strategy(self) -> Strategy:
        """The reranker's strategy."""
        return self.reranker.strategy

    def ranker(self, ranker: WindowRanker) -> WindowRanker:
        """The ranker that strategies ask: several samples per window where the reranker wants them."""
        own = self.reranker
        if own.samples == 1:
            return ranker
        return Consensus(ranker, own.samples, shuffle=own.shuffle, merge=own.merge, seed=own.seed)


def resolve(reranker: Reranker) -> Settings:
    """Fill a reranker's gaps from its preset. RankkError where both leave out what is needed."""
    preset = _adapted(reranker.preset.for_task(reranker.task), reranker)
    defaults = preset.defaults
    model = reranker.model or preset.model
    if model is None and not reranker.backend.asks_model:
        model = reranker.backend.name
    if model is None:
        raise RankkError(f"preset {preset.name} names no model; give one (model: …, or --model on the command line)")
    parser = reranker.parser or preset.parser
    sampling = Sampling(
        temperature=_first(reranker.temperature, defaults.temperature),
        top_p=_first(reranker.top_p, defaults.top_p),
        top_k=_first(reranker.top_k_tokens, defaults.top_k),
        max_tokens=_first(reranker.max_tokens, defaults.max_tokens),
        logprobs=parser.logprobs,
    )
    return Settings(
        reranker=reranker,
        preset=preset,
        model=model,
        parser=parser,
        sampling=sampling,
        passage_tokens=_first(reranker.passage_tokens, defaults.passage_tokens),
        thinking_tokens=reranker.thinking_tokens,
        answer_tokens=defaults.answer_tokens,
    )


def _adapted(preset: Preset, reranker: Reranker) -> Preset:
    """The preset with the reranker's own examples and arguments of the chat template."""
    effort = {"reasoning_effort": reranker.reasoning_effort} if reranker.reasoning_effort else {}
    arguments = preset.chat_template_kwargs | reranker.chat_template_kwargs | effort
    examples = reranker.examples or preset.examples
    return preset.model_copy(update={"chat_template_kwargs": arguments, "examples": examples})


def _first(chosen: T | None, default: T) -> T:
    return default if chosen is None else chosen

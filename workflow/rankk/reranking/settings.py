"""A reranker's settings once its preset has filled in what the configuration leaves out."""

from dataclasses import dataclass, replace

from rankk.config.reranker import Reranker
from rankk.errors import RankkError
from rankk.llm.types import Sampling
from rankk.reranking.consensus import Consensus
from rankk.reranking.presets import Preset, load_preset
from rankk.reranking.strategies import strategy
from rankk.reranking.types import Strategy, WindowRanker


@dataclass(frozen=True)
class Settings:
    """Everything that decides a cell's answers."""

    reranker: Reranker
    preset: Preset
    model: str
    parser: str
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

    def sampling_for(self, sample: int) -> Sampling:
        """Sampling of the window's sample number (from 0): each has its own seed."""
        return replace(self.sampling, seed=self.reranker.seed + sample)

    def strategy(self) -> Strategy:
        """The reranker's strategy."""
        return strategy(self.reranker.strategy, self.reranker)

    def ranker(self, ranker: WindowRanker) -> WindowRanker:
        """The ranker that strategies ask: several samples a window where the reranker wants them."""
        reranker = self.reranker
        if reranker.samples == 1:
            return ranker
        return Consensus(ranker, reranker.samples, shuffle=reranker.shuffle, method=reranker.merge, seed=reranker.seed)


def resolve(reranker: Reranker) -> Settings:
    """Fill a reranker's gaps from its preset. RankkError where both leave out what is needed."""
    preset = load_preset(reranker.preset)
    defaults = preset.defaults
    model = reranker.model or preset.model
    if model is None and reranker.backend == "replay":
        model = "replay"
    if model is None:
        raise RankkError(f"preset {preset.name} names no model; give one (model: …, or --model on the command line)")

    def chosen(name: str, preset_name: str | None = None) -> float:
        own = getattr(reranker, name)
        return float(getattr(defaults, preset_name or name) if own is None else own)

    sampling = Sampling(
        temperature=chosen("temperature"),
        top_p=chosen("top_p"),
        top_k=int(chosen("top_k_tokens", "top_k")),
        max_tokens=int(chosen("max_tokens")),
    )
    return Settings(
        reranker=reranker,
        preset=preset,
        model=model,
        parser=reranker.parser or preset.parser,
        sampling=sampling,
        passage_tokens=int(chosen("passage_tokens")),
        thinking_tokens=reranker.thinking_tokens,
        answer_tokens=defaults.answer_tokens,
    )

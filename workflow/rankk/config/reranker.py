"""A reranker: model, prompt, strategy, decoding and the engine that runs it.

What is left out comes from the preset, which binds prompt, parser and decoding to the model they belong to.
"""

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from rankk.config.base import Strict
from rankk.llm.engine_config import EngineConfig

StrategyName = Literal["sliding", "single", "topdown", "setwise", "tournament", "groups", "pointwise"]


class Fusion(Strict):
    """Fusion of the reranked order with the first stage's."""

    method: Literal["rrf", "weighted"] = "rrf"
    weight: float = Field(default=0.5, ge=0, le=1, description="of the reranked order")


class Reranker(Strict):
    """One entry of `rerankers`."""

    preset: str = Field(default="listwise", description="name (`rankk presets`) or path of a preset's YAML file")
    model: str | None = Field(default=None, description="hub id, folder or name in the catalog's models")
    revision: str | None = Field(default=None, description="commit of the model on its hub")
    backend: Literal["vllm", "openai", "replay"] = "vllm"
    base_url: str | None = Field(default=None, description="openai: the server's address, ending in /v1")
    responses: str | None = Field(
        default=None,
        description="replay: stored answers; {collection}, {language}, {retriever} are filled in",
    )
    parser: Literal["ranking", "digits"] | None = None
    strategy: StrategyName = "sliding"
    depth: PositiveInt = Field(default=100, description="passages of the first stage that are reranked")
    window: PositiveInt = Field(default=20, description="passages in one call")
    stride: PositiveInt = Field(default=10, description="sliding: by how much the window moves")
    top_k: PositiveInt = Field(default=10, description="topdown, setwise, tournament: how far the order is sought")
    rounds: PositiveInt = Field(default=2, description="tournament, groups: independent rounds")
    samples: PositiveInt = Field(default=1, description="answers asked for each window, merged into one order")
    shuffle: bool = Field(default=False, description="samples: shuffle the window for each but the first")
    merge: Literal["rrf", "borda"] = "rrf"
    fusion: Fusion | None = None
    passage_tokens: PositiveInt | None = None
    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k_tokens: NonNegativeInt | None = Field(default=None, description="top-k sampling; 0: all")
    max_tokens: PositiveInt | None = Field(default=None, description="reasoning and answer together")
    thinking_tokens: NonNegativeInt | None = Field(default=None, description="the thought is closed there; 0: none")
    seed: int = 0
    max_bad_outcomes: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="share of truncated, empty or refused answers that fails the cell",
    )
    shards: PositiveInt = Field(default=1, description="jobs over which a cell's queries are spread")
    engine: EngineConfig = EngineConfig()

    @model_validator(mode="after")
    def consistent(self) -> "Reranker":
        """Settings that contradict each other."""
        if self.strategy == "sliding" and self.window < self.stride:
            raise ValueError(
                f"window: {self.window} is smaller than stride {self.stride}: passages between windows would never "
                "be read; expected window >= stride"
            )
        if self.strategy == "sliding" and self.depth < self.window:
            raise ValueError(f"depth: {self.depth} is smaller than window {self.window}; expected depth >= window")
        if self.backend == "replay" and self.responses is None:
            raise ValueError("responses: missing; expected the file of stored answers (backend: replay)")
        if self.backend == "openai" and self.base_url is None:
            raise ValueError("base_url: missing; expected the server's address (backend: openai)")
        return self

    def deciding(self) -> dict[str, Any]:
        """Settings that decide a cell's result, for Snakemake's params: not what only tolerates or places it."""
        return self.model_dump(mode="json", exclude={"max_bad_outcomes", "shards"})

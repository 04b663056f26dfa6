"""A reranker: model, prompt, strategy, decoding and the engine that runs it.

What is left out comes from the preset, which binds prompt, parser and decoding to the model they belong to.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema

from rankk.component import ByName, apart, first_fault
from rankk.config.backend import WithBackend
from rankk.config.base import Title, TokenBudget, cosmetic
from rankk.errors import RankkError
from rankk.fusion.base import FUSIONS, Fusion
from rankk.llm.backends.vllm import Vllm
from rankk.reranking.parsers.base import PARSERS, Parser
from rankk.reranking.presets import TOKENS, Examples, Preset, Tokens, load_preset
from rankk.reranking.strategies.base import STRATEGIES, Strategy, WindowStrategy
from rankk.reranking.types import ANSWER_CONTENTS, AnswerContent

DEFAULT_PRESET = "listwise"
DEFAULT_STRATEGY: dict[AnswerContent, str] = {
    "best": "setwise",
    "ends": "dualend",
    "order": "sliding",
    "grades": "groups",
}


def default_strategy(preset: Preset) -> str:
    """The default strategy of a preset, by what its parser reads from answers."""
    return "pointwise" if preset.kind == "pointwise" else DEFAULT_STRATEGY[preset.parser.reads]


class Reranker(WithBackend):
    """One entry of `rerankers`.

    The strategy's settings stand at the same level: {strategy: sliding, window: 20, stride: 10}.
    """

    preset: Preset = Field(description="name (`rankk presets`) or path of a preset's YAML file, or its content")
    task: str | None = Field(default=None, description="one of the preset's tasks, whose prompt is used")
    model: str | None = Field(default=None, pattern=r"\S", description="hub id, folder or name in the catalog's models")
    revision: str | None = Field(default=None, description="commit of the model on its hub")
    parser: Annotated[Parser, ByName(PARSERS)] | None = Field(default=None, description="default: the preset's")
    strategy: Annotated[Strategy, ByName(STRATEGIES)] = Field(
        description="which windows are asked about; default: sliding, or what the preset's answers are made for: "
        "pointwise, setwise, dualend or groups"
    )
    depth: int = Field(default=100, ge=1, le=10_000, description="passages of the first stage that are reranked")
    samples: int = Field(default=1, ge=1, le=1000, description="answers asked for each window, merged into one order")
    shuffle: bool = Field(default=False, description="shuffle the window for every sample but the first")
    merge: Annotated[Fusion, ByName(FUSIONS)] = Field(
        default="rrf", validate_default=True, description="how the orders of samples are merged"
    )
    fusion: Annotated[Fusion, ByName(FUSIONS)] | None = Field(
        default=None, description="fusion of the reranked order with the first stage's, in this order"
    )
    passage_tokens: Tokens | None = Field(
        default=None, description="tokens at which passages are cut; default: the preset's"
    )
    temperature: float | None = Field(
        default=None, ge=0, le=10, description="sampling temperature; default: the preset's"
    )
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="share of probability that is sampled from; default: the preset's"
    )
    top_k_tokens: int | None = Field(default=None, ge=0, le=TOKENS, description="top-k sampling; 0: all")
    max_tokens: Tokens | None = Field(default=None, description="reasoning and answer together; default: the preset's")
    thinking_tokens: int | None = Field(
        default=None,
        ge=0,
        le=TOKENS,
        description="tokens after which the thought is closed; 0: no thought; left out: no limit",
    )
    reasoning_effort: str | None = Field(
        default=None, description="e.g. low, medium, high: for models whose chat template or server takes it"
    )
    chat_template_kwargs: dict[str, Any] = Field(
        default={}, description="handed to the model's chat template, beside the preset's"
    )
    examples: Examples = Field(default=[], description="solved windows that are shown first, or a file of JSON lines")
    tokens: TokenBudget | None = Field(
        default=None,
        description="budget of a cell, prompts and answers together, an equal share for each query; strategies that "
        "can end at any time make no further call beyond it; left out: no limit",
    )
    tokens_per_query: TokenBudget | None = Field(
        default=None,
        description="each query's share of tokens itself, in place of `tokens`; default: the share of the experiment's "
        "`tokens`, if it has any",
    )
    seed: int = Field(default=0, ge=0, le=2**63 - 1001, description="seed of sampling and shuffles")
    max_bad_outcomes: float = cosmetic(
        default=1.0,
        ge=0,
        le=1,
        description="share of truncated, empty or refused answers that fails the cell",
    )
    title: Title = cosmetic(default="", description="name in figures and tables; default: the key")
    shards: int = cosmetic(default=1, ge=1, le=10_000, description="jobs over which a cell's queries are spread")

    @model_validator(mode="before")
    @classmethod
    def gather_strategy(cls, values: Any) -> Any:
        """Build the strategy from its name (default: the preset's) and the keys that are its settings."""
        if not isinstance(values, Mapping):
            return values
        values = {"preset": DEFAULT_PRESET, **values}
        try:
            preset = values["preset"] = load_preset(values["preset"])
            if preset.backend:
                values.setdefault("backend", preset.backend)
            name, known = values.setdefault("strategy", default_strategy(preset)), STRATEGIES.all()
            if isinstance(name, str) and name in known:
                settings, values = apart(values, known[name], cls, "strategy")
                values["strategy"] = known[name].model_validate(settings)
        except ValidationError as error:
            raise ValueError(first_fault(error)) from None
        except RankkError as error:
            raise ValueError(f"preset: {str(error).removeprefix('preset ')}") from None
        for key in values.keys() - cls.model_fields.keys():
            if owners := [other for other, strategy in known.items() if key in strategy.model_fields]:
                chosen = f"of {name!r}" if isinstance(name, str) else "beside a strategy that is a mapping"
                raise ValueError(f"{key}: is a setting of strategy {', '.join(owners)}, not {chosen}; leave it out")
        return values

    @model_validator(mode="after")
    def consistent(self) -> "Reranker":
        """Reject settings that contradict each other."""
        preset, strategy = self.preset.for_task(self.task), self.strategy
        if strategy.kind != preset.kind:
            of_kind = [name for name, other in STRATEGIES.all().items() if other.kind == preset.kind]
            raise ValueError(
                f"strategy: {strategy.name} asks {strategy.kind} models, preset {preset.name} is {preset.kind}; "
                f"expected one of {', '.join(of_kind)}"
            )
        parser = self.parser or preset.parser
        readable = ANSWER_CONTENTS[: ANSWER_CONTENTS.index(parser.reads) + 1]
        if strategy.needs not in readable:
            fitting = [name for name, other in STRATEGIES.all().items() if other.needs in readable]
            words = {"best": "best passage", "ends": "best and worst passage", "order": "order"}
            raise ValueError(
                f"strategy: {strategy.name} needs the {words[strategy.needs]} of a window, parser {parser.name} reads "
                f"its {words[parser.reads]} only; expected one of {', '.join(fitting)}"
            )
        shown = min(strategy.passages_per_call, self.depth)
        if shown > (most := min(parser.most or shown, 26 if preset.identifiers == "letters" else shown)):
            raise ValueError(
                f"strategy: {shown} passages in one call; preset {preset.name} with parser {parser.name} tells {most} "
                f"apart: set window: {most}" + (", stride: 1" if most == 2 else "")
            )
        backend = self.backend.name
        if self.backend.asks_model and backend != (preset.backend or backend):
            raise ValueError(f"backend: {backend}: preset {preset.name} is for backend {preset.backend}")
        if self.backend.own_prompts and preset.backend != backend:
            raise ValueError(f"preset: {preset.name}: backend {backend} takes no prompts but those of presets for it")
        if self.examples and preset.text is not None:
            raise ValueError(f"examples: preset {preset.name} is raw text, which has no turns to show them in")
        if isinstance(strategy, WindowStrategy) and self.depth < strategy.window:
            raise ValueError(f"depth: {self.depth} is smaller than window {strategy.window}; expected depth >= window")
        if self.tokens is not None and self.tokens_per_query is not None:
            raise ValueError("tokens_per_query: is given beside tokens; leave one of them out")
        for key, given in (("tokens", self.tokens), ("tokens_per_query", self.tokens_per_query)):
            if given is not None and not strategy.anytime:
                can = [name for name, other in STRATEGIES.all().items() if other.anytime]
                raise ValueError(
                    f"{key}: {given}: strategy {strategy.name} makes all its calls; expected one of {', '.join(can)}"
                )
        if self.samples > 1 and preset.kind == "pointwise":
            raise ValueError(f"samples: {self.samples}: windows are sampled, and preset {preset.name} is pointwise")
        if self.shuffle and self.samples == 1:
            raise ValueError("shuffle: true has no effect with one sample; expected samples > 1")
        if self.thinking_tokens is not None and preset.thinking is None:
            raise ValueError(f"thinking_tokens: {self.thinking_tokens}: models of preset {preset.name} do not think")
        if self.thinking_tokens is not None and self.max_tokens is not None:
            needed = self.thinking_tokens + preset.defaults.answer_tokens
            if self.max_tokens < needed:
                raise ValueError(
                    f"max_tokens: {self.max_tokens}: thinking_tokens and the answer's {preset.defaults.answer_tokens} "
                    f"need {needed}; leave max_tokens out"
                )
        answer = self.max_tokens or preset.defaults.max_tokens
        if self.thinking_tokens is not None:
            answer = self.thinking_tokens + preset.defaults.answer_tokens
        context = self.backend.engine.max_model_len if isinstance(self.backend, Vllm) else None
        if context is not None and context <= answer:
            raise ValueError(
                f"engine.max_model_len: {context}: the answer's {answer} tokens leave no room for a prompt; raise it, "
                "or lower max_tokens or thinking_tokens"
            )
        for key, fusion, rankings in (("merge", self.merge, self.samples), ("fusion", self.fusion, 2)):
            if fusion and fusion.weights and len(fusion.weights) != rankings:
                raise ValueError(f"{key}.weights: {fusion.weights}: expected {rankings} numbers, one a ranking")
        return self

    def share(self, queries: int) -> float:
        """Tokens that each of a cell's `queries` may take; infinite without a budget."""
        if self.tokens_per_query is not None:
            return self.tokens_per_query
        return math.inf if self.tokens is None else self.tokens / max(1, queries)

    def deciding(self) -> dict[str, Any]:
        """Settings that decide a cell's result, as plain data that make an equal reranker.

        The preset's content is among them, but for what describes it.
        """
        settings = {key: value for key, value in super().deciding().items() if key not in ("preset", "task")}
        return {"preset": self.preset.for_task(self.task).deciding()} | settings

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema of the flat form: a preset and a strategy by name, and the settings of every strategy."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        properties = schema["properties"]
        content = {"$ref": properties["preset"].pop("$ref")}
        properties["preset"] |= {"default": DEFAULT_PRESET, "anyOf": [{"type": "string"}, content]}
        meanings: dict[str, dict[str, list[str]]] = {}  # strategies by setting and by what the setting is for
        for name, strategy in STRATEGIES.all().items():
            for key, field in strategy.model_json_schema()["properties"].items():
                properties.setdefault(key, field | {"description": ""})
                meanings.setdefault(key, {}).setdefault(field.get("description", ""), []).append(name)
        for key, strategies in meanings.items():
            texts = [properties[key]["description"], *(f"{', '.join(of)}: {text}" for text, of in strategies.items())]
            properties[key] = properties[key] | {"description": "; ".join(filter(None, texts))}
        return schema | {"required": []}

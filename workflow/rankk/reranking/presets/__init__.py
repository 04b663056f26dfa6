"""Presets: prompt, parser and decoding bound to the model family that they belong to. A preset is a YAML file."""

import string
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from rankk.component import ByName, first_fault
from rankk.config.base import FilePath, Strict, cosmetic
from rankk.errors import RankkError
from rankk.io.files import exists, read_jsonl
from rankk.io.yaml_files import read_yaml
from rankk.llm.types import Thinking
from rankk.reranking.parsers.base import PARSERS, Parser
from rankk.reranking.strategies.base import Kind

FOLDER = Path(__file__).parent
TOKENS = 10_000_000
"""Largest number of tokens that a setting may name."""

Tokens = Annotated[int, Field(ge=1, le=TOKENS)]


class Template(Strict):
    """One chat message with {query}, {docs} (the passages) and {num} (how many) to be filled in."""

    role: Literal["system", "user", "assistant"] = Field(description="who speaks")
    content: str = Field(description="text with the placeholders; with `each`, {rank} and {passage} too")
    each: bool = Field(default=False, description="once for every passage; neighbours with it are repeated together")


class Example(Strict):
    """A solved window, shown before the one that is asked about."""

    query: str = Field(description="its query")
    passages: list[str] = Field(min_length=1, description="its passages, in the order in which they are shown")
    answer: str = Field(min_length=1, description="what the model should have written")


def _read_examples(value: Any, info: ValidationInfo) -> Any:
    """Examples given by the path of a file of JSON lines, one example each, are read."""
    if not isinstance(value, str):
        return value
    path = TypeAdapter(FilePath).validate_python(value, context=info.context)
    try:
        return [record for _, record in read_jsonl(path)]
    except (RankkError, OSError) as error:
        raise ValueError(str(error)) from None


Examples = Annotated[list[Example], BeforeValidator(_read_examples, json_schema_input_type=list[Example] | str)]


class Decoding(Strict):
    """Defaults that belong to the model; a reranker may override each."""

    temperature: float = Field(default=0.0, ge=0, le=10, description="sampling temperature; 0: greedy")
    top_p: float = Field(default=1.0, gt=0, le=1, description="share of probability that is sampled from")
    top_k: int = Field(default=0, ge=0, le=TOKENS, description="0: all")
    max_tokens: Tokens = Field(default=1024, description="reasoning and answer together")
    answer_tokens: Tokens = Field(default=256, description="kept for the answer when a thinking budget ends")
    passage_tokens: Tokens = Field(default=450, description="passages are cut there")


class Preset(Strict):
    """One model family's input and output format."""

    name: str = Field(description="of the preset, in messages and manifests")
    extends: str | None = cosmetic(
        default=None,
        description="another preset, whose keys hold where this one leaves them out (`defaults` one by one)",
    )
    description: str = cosmetic(default="", description="one line for people")
    family: str = cosmetic(default="", description="models that the prompt belongs to")
    source: str = cosmetic(default="", description="where the prompt comes from")
    licence: str = cosmetic(default="", description="of the prompt")
    models: dict[str, str] = cosmetic(default={}, description="hub ids of the family's models with their licences")
    verified: str = cosmetic(default="", description="what was checked, and against what; what could not be")
    deviations: str = cosmetic(default="", description="what differs from how its authors ask the model, and why")
    kind: Kind = Field(default="listwise", description="pointwise: one passage per call, scored by two tokens")
    model: str | None = Field(default=None, description="hub id")
    lora: str | None = Field(default=None, description="hub id of a LoRA adapter of the model")
    backend: str | None = Field(default=None, description="the backend that the models need; left out: any")
    messages: list[Template] = Field(default=[], description="chat messages; instead of `text`")
    text: str | None = Field(default=None, description="raw completion prompt, for models without a chat template")
    query: str = Field(default="{query}", description="what {query} in the prompt stands for")
    tasks: dict[str, str] = Field(default={}, description="by name of a task, what {query} stands for instead")
    passage: str = Field(default="[{rank}] {passage}", description="one passage of {docs}")
    separator: str = Field(default="\n", description="between two passages of {docs}")
    identifiers: Literal["numbers", "from-zero", "letters"] = Field(
        default="numbers", description="what {rank} stands for: 1, 2, …; 0, 1, …; or A, B, … (at most 26 passages)"
    )
    repair: bool = Field(default=False, description="as rank_llm: ftfy repairs query and passages, and [7] becomes (7)")
    passage_words: int | None = Field(
        default=None,
        ge=1,
        description="passages of a window of 20 are cut at so many words, smaller windows' later; white space becomes "
        "single blanks; left out: not",
    )
    context: Tokens | None = Field(
        default=None, description="tokens that prompt and answer are made to fit in; left out: the engine's context"
    )
    one_line: bool = Field(default=False, description="white space in passages becomes single blanks")
    passage_characters: int | None = Field(
        default=None, ge=1, description="passages are cut there before they are cut by tokens; left out: not"
    )
    prefix: str = Field(default="", description="beginning of the answer, which the model continues")
    examples: Examples = Field(default=[], description="solved windows that are shown first, or a file of JSON lines")
    parser: Annotated[Parser, ByName(PARSERS)] = Field(
        default="ranking", validate_default=True, description="how answers are read"
    )
    thinking: Thinking | None = Field(default=None, description="left out: the model does not reason in words")
    chat_template_kwargs: dict[str, Any] = Field(default={}, description="handed to the model's chat template")
    positive: str = Field(default=" true", min_length=1, description="pointwise: the token that says relevant")
    negative: str = Field(default=" false", min_length=1, description="pointwise: the token that says not relevant")
    defaults: Decoding = Field(default=Decoding(), description="decoding that belongs to the model")

    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The file of a user's preset; None for those that are shipped or given by content."""
        return self._file

    @model_validator(mode="before")
    @classmethod
    def inherit(cls, values: Any) -> Any:
        """Take what is left out from the preset that this one extends."""
        if not isinstance(values, Mapping) or not isinstance(values.get("extends"), str):
            return values
        base = load_preset(values["extends"]).model_dump(mode="json", exclude_unset=True, exclude={"extends"})
        defaults = {**base.pop("defaults", {}), **(values.get("defaults") or {})}
        return base | dict(values) | {"defaults": defaults}

    @model_validator(mode="after")
    def complete_prompt(self) -> "Preset":
        """Either chat messages or raw text, with a field for all that has to be in it."""
        if bool(self.messages) == (self.text is not None):
            raise ValueError("messages: expected either messages or text")
        where = "messages" if self.messages else "text"
        template = self.text or "".join(message.content for message in self.messages)
        each = any(message.each and "{passage}" in message.content for message in self.messages)
        for field in ("{query}", *([] if each else ["{docs}"])):
            if field not in template:
                raise ValueError(f"{where}: {field} is missing")
        texts = {"query": self.query} | {f"tasks.{task}": text for task, text in self.tasks.items()}
        for key, text, field in (
            ("passage", self.passage, "{passage}"),
            *((k, t, "{query}") for k, t in texts.items()),
        ):
            if field not in text:
                raise ValueError(f"{key}: {field} is missing")
        if self.examples and not self.messages:
            raise ValueError("examples: a preset of raw text has no turns to show them in; leave them out")
        if self.prefix and self.thinking:
            raise ValueError("prefix: an answer that is begun holds no thought; leave out prefix or thinking")
        return self

    def for_task(self, task: str | None) -> "Preset":
        """The preset with the prompt of one of its tasks. ValueError for a task that it does not have."""
        if task is None:
            return self
        if task not in self.tasks:
            raise ValueError(f"task: {task!r}: preset {self.name} has {', '.join(self.tasks) or 'no tasks'}")
        return self.model_copy(update={"query": self.tasks[task]})

    def deciding(self) -> dict[str, Any]:
        """What of the preset decides a cell's result: a preset that differs in its description only is the same."""
        return self.model_dump(mode="json", exclude={"tasks", *self._cosmetic()})

    @classmethod
    def _cosmetic(cls) -> set[str]:
        """Keys that only describe the preset."""
        extras = {key: field.json_schema_extra for key, field in cls.model_fields.items()}
        return {key for key, extra in extras.items() if isinstance(extra, dict) and extra.get("decides") is False}

    def identifier(self, rank: int) -> str:
        """Identifier in the prompt of the passage at a rank, from 1."""
        if self.identifiers == "letters":
            return string.ascii_uppercase[rank - 1]
        return str(rank - (self.identifiers == "from-zero"))


def load_preset(preset: str | Path | Mapping[str, Any] | Preset) -> Preset:
    """A shipped preset by its name, a user's by the path of its YAML file or by its content.

    Raises RankkError that names the file, the faulty key's path and what was expected there; pydantic's
    ValidationError where the content is faulty.
    """
    return _read(str(preset)) if isinstance(preset, str | Path) else Preset.model_validate(preset)


@cache
def _read(name: str) -> Preset:
    is_file = name.endswith((".yaml", ".yml"))
    path = Path(name) if is_file else FOLDER / f"{name}.yaml"
    if not exists(path):
        known = ", ".join(names())
        raise RankkError(f"preset {name!r}: no such preset; expected one of {known}, or the path of a YAML file")
    try:
        preset = Preset.model_validate(read_yaml(path))
    except ValidationError as error:
        raise RankkError(f"{path}: {first_fault(error)}") from None
    preset._file = path if is_file else None
    return preset


def names() -> list[str]:
    """Names of the shipped presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def presets() -> list[Preset]:
    """All shipped presets, by name."""
    return [load_preset(name) for name in names()]

"""Presets: prompt, parser and decoding bound to the model family that they belong to. A preset is a YAML file."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from rankk.component import ByName, first_fault
from rankk.config.base import Strict, cosmetic
from rankk.errors import RankkError
from rankk.io.files import exists
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
    content: str = Field(description="text with the placeholders")


class Decoding(Strict):
    """Defaults that belong to the model; a reranker may override each."""

    temperature: float = Field(default=0.0, ge=0, le=10, description="of sampling; 0: greedy")
    top_p: float = Field(default=1.0, gt=0, le=1, description="share of probability that is sampled from")
    top_k: int = Field(default=0, ge=0, le=TOKENS, description="0: all")
    max_tokens: Tokens = Field(default=1024, description="reasoning and answer together")
    answer_tokens: Tokens = Field(default=256, description="kept for the answer when a thinking budget ends")
    passage_tokens: Tokens = Field(default=450, description="passages are cut there")


class Preset(Strict):
    """One model family's input and output format."""

    name: str = Field(description="of the preset, in messages and manifests")
    description: str = cosmetic(default="", description="one line for people")
    source: str = cosmetic(default="", description="where the prompt comes from")
    licence: str = cosmetic(default="", description="of the prompt")
    deviations: str = cosmetic(default="", description="what differs from how its authors ask the model, and why")
    kind: Kind = Field(default="listwise", description="pointwise: one passage per call, scored by two tokens")
    model: str | None = Field(default=None, description="hub id")
    messages: list[Template] = Field(default=[], description="chat messages; instead of `text`")
    text: str | None = Field(default=None, description="raw completion prompt, for models without a chat template")
    query: str = Field(default="{query}", description="what {query} in the prompt stands for")
    tasks: dict[str, str] = Field(default={}, description="by name of a task, what {query} stands for instead")
    passage: str = Field(default="[{rank}] {passage}", description="one passage of {docs}")
    separator: str = Field(default="\n", description="between two passages of {docs}")
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

    @model_validator(mode="after")
    def complete_prompt(self) -> "Preset":
        """Either chat messages or raw text, with a field for all that has to be in it."""
        if bool(self.messages) == (self.text is not None):
            raise ValueError("messages: expected either messages or text")
        where = "messages" if self.messages else "text"
        template = self.text or "".join(message.content for message in self.messages)
        for field in ("{query}", "{docs}"):
            if field not in template:
                raise ValueError(f"{where}: {field} is missing")
        texts = {"query": self.query} | {f"tasks.{task}": text for task, text in self.tasks.items()}
        for key, text, field in (
            ("passage", self.passage, "{passage}"),
            *((k, t, "{query}") for k, t in texts.items()),
        ):
            if field not in text:
                raise ValueError(f"{key}: {field} is missing")
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
        return self.model_dump(mode="json", exclude={"description", "source", "licence", "deviations", "tasks"})


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

"""Presets: prompt, parser and decoding bound to the model family that they belong to. Data in YAML files.

A new family is a YAML file, plus a parser (answers.py) if its answers have a new form.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from rankk.config.base import Strict
from rankk.errors import RankkError

FOLDER = Path(__file__).with_name("families")


class Thinking(Strict):
    """How a model marks its reasoning."""

    open: str = "<think>"
    close: str = "</think>"
    opened_by_template: bool = Field(default=False, description="the prompt ends inside the thought already")


class Template(Strict):
    """One chat message with {query}, {passages} and {num} filled in."""

    role: Literal["system", "user", "assistant"]
    content: str


class Decoding(Strict):
    """Defaults that belong to the model; a reranker may override each."""

    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: NonNegativeInt = Field(default=0, description="0: all")
    max_tokens: PositiveInt = Field(default=1024, description="reasoning and answer together")
    answer_tokens: PositiveInt = Field(default=256, description="kept for the answer when a thinking budget ends")
    passage_tokens: PositiveInt = Field(default=450, description="a passage is cut there")


class Preset(Strict):
    """One model family's input and output format."""

    name: str
    description: str
    source: str
    licence: str
    kind: Literal["listwise", "pointwise"] = "listwise"
    model: str | None = Field(default=None, description="hub id")
    messages: list[Template] = []
    text: str | None = Field(default=None, description="raw completion prompt, for models without a chat template")
    passage: str = "[{rank}] {passage}"
    separator: str = "\n"
    parser: Literal["ranking", "digits"] = "ranking"
    thinking: Thinking | None = None
    chat_template_kwargs: dict[str, Any] = {}
    positive: str = Field(default=" true", description="pointwise: the token that says relevant")
    negative: str = Field(default=" false", description="pointwise: the token that says not relevant")
    defaults: Decoding = Decoding()

    @model_validator(mode="after")
    def one_prompt(self) -> "Preset":
        """Either chat messages or raw text."""
        if bool(self.messages) == (self.text is not None):
            raise ValueError("expected either messages or text")
        return self


@cache
def load_preset(name: str) -> Preset:
    """A shipped preset by name, or a user's own by the path of its YAML file."""
    own = name.endswith((".yaml", ".yml"))
    path = Path(name) if own else FOLDER / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.yaml")))
        raise RankkError(f"preset {name!r}: no such preset; expected one of {known}, or the path of a YAML file")
    try:
        return Preset.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'preset'}: {fault['msg']}" for fault in error.errors()]
        raise RankkError(f"{path}: {'; '.join(faults)}") from None


def presets() -> list[Preset]:
    """All shipped presets."""
    return [load_preset(path.stem) for path in sorted(FOLDER.glob("*.yaml"))]

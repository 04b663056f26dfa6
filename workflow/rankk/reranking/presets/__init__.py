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
from rankk.llm.types import Thinking

FOLDER = Path(__file__).parent


class Template(Strict):
    """One chat message with {query}, {docs} (the passages) and {num} (how many) to be filled in."""

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
    source: str = Field(description="where the prompt comes from")
    licence: str = Field(description="of the prompt")
    kind: Literal["listwise", "pointwise"] = "listwise"
    model: str | None = Field(default=None, description="hub id")
    messages: list[Template] = []
    text: str | None = Field(default=None, description="raw completion prompt, for models without a chat template")
    passage: str = Field(default="[{rank}] {passage}", description="one passage of {docs}")
    separator: str = Field(default="\n", description="between two passages of {docs}")
    parser: Literal["ranking", "digits"] = "ranking"
    thinking: Thinking | None = Field(default=None, description="left out: the model does not reason in words")
    chat_template_kwargs: dict[str, Any] = {}
    positive: str = Field(default=" true", description="pointwise: the token that says relevant")
    negative: str = Field(default=" false", description="pointwise: the token that says not relevant")
    defaults: Decoding = Decoding()

    @model_validator(mode="after")
    def complete_prompt(self) -> "Preset":
        """Either chat messages or raw text, with a place for all that has to be in it."""
        if bool(self.messages) == (self.text is not None):
            raise ValueError("messages: expected either messages or text")
        where = "messages" if self.messages else "text"
        template = self.text or "".join(message.content for message in self.messages)
        for field in ("{query}", "{docs}"):
            if field not in template:
                raise ValueError(f"{where}: {field} is missing")
        if "{passage}" not in self.passage:
            raise ValueError("passage: {passage} is missing")
        return self


@cache
def load_preset(name: str | Path) -> Preset:
    """A shipped preset by name, or a user's own by the path of its YAML file.

    Raises RankkError that names the file, each faulty key's path and what was expected there.
    """
    own = str(name).endswith((".yaml", ".yml"))
    path = Path(name) if own else FOLDER / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.yaml")))
        raise RankkError(f"preset {str(name)!r}: no such preset; expected one of {known}, or the path of a YAML file")
    try:
        return Preset.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise RankkError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise RankkError("\n".join(f"{path}: {_describe(fault)}" for fault in error.errors())) from None


def presets() -> list[Preset]:
    """All shipped presets, by name."""
    return [load_preset(path.stem) for path in sorted(FOLDER.glob("*.yaml"))]


def _describe(fault: Any) -> str:
    """One line for one of pydantic's faults: key path and what was expected."""
    message = fault["msg"].removeprefix("Value error, ")
    keys = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return f"{keys}: unknown key; see docs/presets.md for those that are known"
    return f"{keys}: {message}" if keys else message

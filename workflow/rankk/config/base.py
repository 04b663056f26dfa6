"""Base classes and types of all configuration models."""

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Language = Annotated[str, Field(pattern=r"^[a-z]{3}$", description="ISO 639-3 code, e.g. eng")]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
RESERVED = {"none", "average"}
"""Reserved names: the first stage without a reranker, and the average in tables."""


def check_name(name: Any) -> str:
    """Check the name of a collection, retriever, reranker or model, which is used in paths, runs and tables."""
    if not isinstance(name, str):
        raise ValueError(f"{name!r}: a name is text; YAML reads a bare no, on, null or 2022 as another type: quote it")
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r:.120}: a name has 1 to 100 letters (A-Z), digits and ._+-, a letter or digit first")
    if name in RESERVED:
        raise ValueError(f"{name!r} is a reserved name; take another")
    return name


Name = Annotated[str, AfterValidator(check_name)]


@dataclass(frozen=True)
class OneOf:
    """Annotation of a string that must be one of these names, such as the keys of a table."""

    names: Collection[str]

    def __get_pydantic_core_schema__(self, *_: Any) -> CoreSchema:
        """The schema of a `Literal` of these names."""
        return core_schema.literal_schema(list(self.names))


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

TokenBudget = Annotated[int, Field(ge=1, le=2**53)]
"""A budget of tokens, at most an integer that every JSON reader represents exactly."""


Title = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]
"""One line of figures and tables."""


class Strict(BaseModel):
    """Base model: unknown keys are errors, values are not converted, numbers are finite, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def cosmetic(**field: Any) -> Any:
    """A settings field that never changes a result, such as a description or how much runs at once.

    A change of it makes nothing run again.
    """
    return Field(**field, json_schema_extra={"decides": False})


def cosmetic_fields(settings: BaseModel) -> dict[str, Any]:
    """The fields that decide no result, at every depth, as pydantic's `exclude` takes them."""
    excluded: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("decides") is False:
            excluded[name] = True
        elif isinstance(value := getattr(settings, name), BaseModel) and (inner := cosmetic_fields(value)):
            excluded[name] = inner
    return excluded


LONGEST = 255
"""Bytes in a name of a file, on all common file systems."""


def _located(path: str, info: ValidationInfo) -> str:
    """The path if it exists relative to the working directory; else the same path in a folder of the context."""
    if not path.isprintable() or any(len(os.fsencode(part)) > LONGEST for part in Path(path).parts):
        raise PydanticCustomError(
            "file_path", "a path has no line breaks and names of at most {n} bytes", {"n": LONGEST}
        )
    literal = path.partition("{")[0]
    known = literal if literal == path else literal.rpartition("/")[0]
    if "://" in path or Path(path).is_absolute() or not known or Path(known).exists():
        return path
    for folder in (info.context or {}).get("folders", ()):
        if (folder / known).exists():
            return os.path.relpath(folder / path) if folder.is_relative_to(Path.cwd()) else str(folder / path)
    return path


FilePath = Annotated[str, AfterValidator(_located)]
"""A path: relative to the working directory or, if it is not there, to the folder of the configuration file."""

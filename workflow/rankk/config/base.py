"""What all configuration models share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Language = Annotated[str, Field(pattern=r"^[a-z]{3}$", description="ISO 639-3 code, e.g. eng")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Strict(BaseModel):
    """Unknown keys are errors, values are not converted silently, numbers are finite, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def cosmetic(**field: Any) -> Any:
    """A settings field that never changes a result, such as a description; a change of it makes nothing run again."""
    return Field(**field, json_schema_extra={"decides": False})

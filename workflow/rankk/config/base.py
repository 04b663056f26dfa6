"""What all configuration models share."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Unknown keys are errors, values are not converted silently, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

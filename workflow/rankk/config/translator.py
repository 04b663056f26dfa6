"""A translator of queries: a model and the engine that runs it."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from rankk.config.base import Strict
from rankk.llm.engine_config import EngineConfig

LANGUAGES = {
    "ara": "Arabic", "ben": "Bengali", "dan": "Danish", "deu": "German", "eng": "English", "fas": "Persian",
    "fin": "Finnish", "fra": "French", "hin": "Hindi", "hun": "Hungarian", "ind": "Indonesian", "ita": "Italian",
    "jpn": "Japanese", "kor": "Korean", "nld": "Dutch", "nor": "Norwegian", "por": "Portuguese", "rus": "Russian",
    "spa": "Spanish", "swe": "Swedish", "swa": "Swahili", "tel": "Telugu", "tha": "Thai", "tur": "Turkish",
    "yor": "Yoruba", "zho": "Chinese",
}  # fmt: skip
"""Languages by ISO 639-3 code, as a model is told of them."""


class Translator(Strict):
    """One entry of `translators`."""

    model: str = Field(description="hub id, folder, name in the catalog's models, or the server's name of it")
    revision: str | None = Field(default=None, description="commit of the model on its hub")
    backend: Literal["vllm", "openai"] = "vllm"
    base_url: str | None = Field(default=None, description="openai: the server's address, ending in /v1")
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: PositiveInt = Field(default=4096, description="reasoning and translation together")
    engine: EngineConfig = EngineConfig()

    @property
    def gpus(self) -> int:
        """GPUs that the translator's engine takes."""
        return self.engine.gpus if self.backend == "vllm" else 0

    @model_validator(mode="after")
    def reachable(self) -> "Translator":
        """A server has an address."""
        if self.backend == "openai" and self.base_url is None:
            raise ValueError("base_url: missing; expected the server's address (backend: openai)")
        return self

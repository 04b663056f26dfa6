"""A translator of queries: a model and the engine that runs it."""

from pydantic import Field, PositiveInt, model_validator

from rankk.config.backend import WithBackend


class Translator(WithBackend):
    """One entry of `translators`."""

    model: str = Field(description="hub id, folder, name in the catalog's models, or the server's name of it")
    revision: str | None = Field(default=None, description="commit of the model on its hub")
    temperature: float = Field(default=0.0, ge=0, description="sampling temperature; 0: greedy")
    max_tokens: PositiveInt = Field(default=4096, description="reasoning and translation together")

    @model_validator(mode="after")
    def writes(self) -> "Translator":
        """The backend must answer any prompt."""
        if self.backend.own_prompts:
            raise ValueError(f"backend: {self.backend.name} takes no prompts but those of rerankers' presets for it")
        return self

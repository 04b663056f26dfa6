"""Backends, which answer the calls to a model; one module each. `Backend` is their base class, `BACKENDS` lists
them."""

from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Self

from rankk.component import Component, Registry
from rankk.llm.connection import Connection, Model


class Backend(Component):
    """Base class of the settings of a backend. Each backend is a subclass in its own module."""

    loads_model: ClassVar[bool] = False
    """Whether the model's files are loaded on this machine."""
    asks_model: ClassVar[bool] = True
    """Whether a model is asked; False if answers are stored."""

    own_prompts: ClassVar[bool] = False
    """Whether it takes no prompts but those of presets that name it."""

    @property
    def gpus(self) -> int:
        """GPUs that a job with this backend takes."""
        return 0

    def adapter(self, default: str | None) -> str | None:
        """Hub id or folder of the LoRA adapter that is loaded with a model; `default`: the preset's."""
        return None

    def filled(self, **values: str) -> Self:
        """A copy whose placeholders are filled in: {collection}, {language}, {retriever}, {reranker}."""
        return self

    def input_files(self) -> dict[str, str]:
        """Files that the answers are read from, by what they are called in messages."""
        return {}

    def connect(self, model: Model, engine_owner: int | None = None) -> AbstractAsyncContextManager[Connection]:
        """A connection to the model, closed at the end of the block.

        `engine_owner`: id of the process that owns an engine which several jobs share; None: the engine runs in this
        process. Raises RankkError where the model cannot be asked.
        """
        raise NotImplementedError


BACKENDS: Registry[Backend] = Registry("backend", Backend, __name__)

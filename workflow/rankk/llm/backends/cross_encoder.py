"""Cross-encoders of sentence-transformers, in this process: a score for each pair of query and passage."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt

from rankk.errors import BackendError
from rankk.llm.connection import Connection, Model
from rankk.llm.local_models import LocalModel, PairTokenizer, Scores, architecture, pair_of
from rankk.llm.tokenizers import model_context
from rankk.llm.types import Prompt

SCORING = ("ForSequenceClassification", "ForCausalLM")
"""How the names of classes end whose outputs sentence-transformers reads as scores (of causal models: yes and no)."""


class CrossEncoder(LocalModel):
    """A cross-encoder (Nogueira & Cho 2019): query and passage are read together.

    The logistic function turns the model's logits into scores.
    """

    name = "cross-encoder"
    own_prompts = True

    max_length: PositiveInt | None = Field(default=None, description="tokens of a pair; default: the model's own limit")

    @classmethod
    def takes(cls, folder: Path) -> bool:
        """Models that classify texts."""
        return architecture(folder).endswith("ForSequenceClassification")

    @asynccontextmanager
    async def connect(self, model: Model, engine_owner: int | None = None) -> AsyncIterator[Connection]:
        """The model's tokenizer, and its weights when they are needed; always in this process."""
        tokenizer = PairTokenizer(model.path, model.revision)
        context = min(self.max_length or model_context(model.path, model.revision), tokenizer.longest)
        client = CrossEncoderScores(self, model, tokenizer, context)
        yield Connection(client, tokenizer, context, deciding={"dtype": self.dtype})


class CrossEncoderScores(Scores):
    """Logits of pairs."""

    def __init__(self, settings: LocalModel, model: Model, tokenizer: PairTokenizer, context: int) -> None:
        super().__init__(settings, model, tokenizer)
        self._context = context

    def check(self) -> None:
        """BackendError also where the files hold no head for scores: a random one would be made."""
        from sentence_transformers.util import load_file_path
        from transformers import PretrainedConfig

        super().check()
        config, _ = PretrainedConfig.get_config_dict(self._model.path, revision=self._model.revision)
        names = config.get("architectures") or ["none"]
        listed = load_file_path(self._model.path, "modules.json", revision=self._model.revision)
        if not listed and not any(name.endswith(SCORING) for name in names):
            raise BackendError(f"class {names[0]} is no cross-encoder: its files hold no head that scores pairs")

    def load(self) -> Any:
        """The model. ValueError where it does not give a pair one score."""
        from sentence_transformers import CrossEncoder as Encoder

        encoder = Encoder(
            self._model.path,
            revision=self._model.revision,
            device="cpu" if self._settings.device == "cpu" else None,
            trust_remote_code=False,
            model_kwargs={"dtype": self._settings.torch_dtype},
        )
        if encoder.num_labels != 1:
            raise ValueError(f"has {encoder.num_labels} outputs for a pair; expected a cross-encoder with one score")
        encoder.max_seq_length = self._context
        return encoder

    def score(self, prompts: Sequence[Prompt]) -> Sequence[float]:
        """Logits."""
        import torch

        logits: Sequence[float] = self._loaded.predict(
            [pair_of(prompt) for prompt in prompts],
            batch_size=self._settings.batch_size,
            activation_fn=torch.nn.Identity(),
            show_progress_bar=False,
        )
        return logits

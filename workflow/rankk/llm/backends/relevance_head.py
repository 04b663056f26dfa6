"""Causal models with a linear head for relevance, in this process: a score for each prompt about a passage."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt

from rankk.errors import BackendError
from rankk.io.files import read_json
from rankk.llm.connection import Connection, Model
from rankk.llm.local_models import LocalModel, Scores
from rankk.llm.tokenizers import ModelTokenizer, model_context
from rankk.llm.types import Prompt

INDEX, WEIGHTS = "model.safetensors.index.json", "model.safetensors"
WEIGHT, BIAS = "head.weight", "head.bias"
"""Names of the head's tensors in the files."""


class RelevanceHead(LocalModel):
    """A causal model with a linear head, which maps the last token's state to two outputs: not relevant, relevant.

    The head is read from the model's safetensors (`head.weight`, `head.bias`), the body is transformers' own class, and
    no code of the model's authors is run. The score is the softmax's share of the second output.
    """

    name = "relevance-head"
    own_prompts = True

    max_length: PositiveInt | None = Field(
        default=None, description="tokens of a prompt; default: the model's own limit"
    )

    @classmethod
    def takes(cls, folder: Path) -> bool:
        """Models whose files hold such a head."""
        return _head_file(str(folder)) is not None

    @asynccontextmanager
    async def connect(self, model: Model, engine_owner: int | None = None) -> AsyncIterator[Connection]:
        """The model's tokenizer, and its weights when they are needed; always in this process."""
        tokenizer = ModelTokenizer(model.path, model.revision)
        context = self.max_length or model_context(model.path, model.revision)
        client = HeadScores(self, model, tokenizer)
        yield Connection(client, tokenizer, context, deciding={"dtype": self.dtype})


class HeadScores(Scores):
    """Differences of the two outputs."""

    def check(self) -> None:
        """BackendError where the files hold no head. `auto_map` does not matter: transformers has the body's class."""
        if _head_file(self._model.path, self._model.revision) is None:
            raise BackendError(f"its files hold no {WEIGHT} in safetensors, which this backend reads")

    def load(self) -> Any:
        """The body, and the head's weights (2 × hidden size) and biases (2). BackendError where they do not fit."""
        import torch
        from safetensors import safe_open
        from transformers import AutoModel

        body, found = AutoModel.from_pretrained(
            self._model.path,
            revision=self._model.revision,
            dtype=self._settings.torch_dtype,
            trust_remote_code=False,
            output_loading_info=True,
        )
        if missing := sorted(found["missing_keys"]):
            raise BackendError(f"its files lack weights of {type(body).__name__}: {', '.join(missing[:3])}")
        device = "cuda" if self._settings.device == "auto" and torch.cuda.is_available() else "cpu"
        with safe_open(_head_file(self._model.path, self._model.revision), framework="pt") as file:
            head = [file.get_tensor(name).to(device, self._settings.torch_dtype) for name in (WEIGHT, BIAS)]
        if head[0].shape != (2, body.config.hidden_size):
            raise BackendError(f"its head has the shape {tuple(head[0].shape)}; expected two outputs for relevance")
        return body.to(device).eval(), *head

    def score(self, prompts: Sequence[Prompt]) -> Sequence[float]:
        """Second output less the first, in batches of prompts of about the same length."""
        import torch

        body, weight, bias = self._loaded
        ids = [self._tokenizer.ids(self._tokenizer.render(prompt)) for prompt in prompts]
        order = sorted(range(len(ids)), key=lambda number: -len(ids[number]))
        values = [0.0] * len(ids)
        for start in range(0, len(order), self._settings.batch_size):
            batch = order[start : start + self._settings.batch_size]
            # Padding stands behind: no token of a causal model sees it.
            texts = [torch.tensor(ids[number], device=bias.device) for number in batch]
            lengths = torch.tensor([len(text) for text in texts], device=bias.device)
            padded = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
            mask = torch.arange(padded.shape[1], device=bias.device) < lengths[:, None]
            with torch.inference_mode():
                states = body(input_ids=padded, attention_mask=mask.long(), use_cache=False).last_hidden_state
                outputs = states[torch.arange(len(batch), device=bias.device), lengths - 1] @ weight.T + bias
            for number, (no, yes) in zip(batch, outputs.float().tolist(), strict=True):
                values[number] = yes - no
        return values


def _head_file(path: str, revision: str | None = None) -> str | None:
    """The file of a model, in a folder or on the hub, that holds the head's weights; None where none does."""
    from safetensors import safe_open
    from transformers.utils import cached_file

    def file(name: str) -> str | None:
        found: str | None = cached_file(path, name, revision=revision, _raise_exceptions_for_missing_entries=False)
        return found

    if index := file(INDEX):
        name = read_json(index)["weight_map"].get(WEIGHT)
        return file(name) if name else None
    weights = file(WEIGHTS)
    if weights is None:
        return None
    with safe_open(weights, framework="pt") as opened:
        return weights if WEIGHT in opened.keys() else None  # noqa: SIM118 (not a mapping)

"""LiT5: T5 with a fused decoder, in this process: every passage is encoded by itself, one answer reads all of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt

from rankk.config.base import cosmetic
from rankk.errors import BackendError
from rankk.llm.connection import Connection, Model
from rankk.llm.local_models import Batches, LocalModel, TextsTokenizer, architecture
from rankk.llm.types import Completion, Prompt, Sampling


class LiT5(LocalModel):
    """LiT5-Distill (Tamber et al. 2023, "Scaling Down, LiTting Up"), fusion in the decoder (Izacard & Grave 2021).

    Each message of the prompt is encoded by itself; the decoder attends to all of them and writes the ranking. T5's
    attention to encoded texts knows no positions, so that their order has no influence. Decoding is greedy.
    """

    name = "lit5"
    own_prompts = True

    batch_size: PositiveInt = cosmetic(default=4, description="windows answered at once")
    max_length: PositiveInt = Field(default=150, description="tokens of a passage with query and identifier")

    @classmethod
    def takes(cls, folder: Path) -> bool:
        """T5 models."""
        return architecture(folder) == "T5ForConditionalGeneration"

    @asynccontextmanager
    async def connect(self, model: Model, engine_owner: int | None = None) -> AsyncIterator[Connection]:
        """The model's tokenizer, and its weights when they are needed; always in this process."""
        tokenizer = TextsTokenizer(model.path, model.revision)
        tokenizer.longest = self.max_length
        yield Connection(
            FusedReader(self, model, tokenizer), tokenizer, self.max_length, deciding={"dtype": self.dtype}
        )


class FusedReader(Batches):
    """Encodes the messages of prompts and decodes their answers."""

    def load(self) -> Any:
        """Model and tokenizer."""
        import torch
        from transformers import AutoTokenizer, T5ForConditionalGeneration

        files = {"revision": self._model.revision, "trust_remote_code": False}
        model: Any = T5ForConditionalGeneration.from_pretrained(
            self._model.path, dtype=self._settings.torch_dtype, **files
        )
        on_gpu = self._settings.device == "auto" and torch.cuda.is_available()
        return model.to("cuda" if on_gpu else "cpu").eval(), AutoTokenizer.from_pretrained(self._model.path, **files)

    def answer(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answers in batches of windows of similar size."""
        if sampling.temperature:
            raise BackendError("LiT5 answers greedily; set temperature: 0")
        order = sorted(range(len(prompts)), key=lambda number: len(prompts[number].messages))
        answers: dict[int, Completion] = {}
        for start in range(0, len(order), self._settings.batch_size):
            numbers = order[start : start + self._settings.batch_size]
            batch = [prompts[number] for number in numbers]
            answers.update(zip(numbers, self._decoded(batch, sampling.max_tokens), strict=True))
        return [answers[number] for number in range(len(prompts))]

    def _decoded(self, prompts: Sequence[Prompt], max_tokens: int) -> list[Completion]:
        import torch
        from transformers import GenerationConfig
        from transformers.modeling_outputs import BaseModelOutput

        model, tokenizer = self._loaded
        texts = [message.content for prompt in prompts for message in prompt.messages]
        encoded = tokenizer(texts, padding=True, return_tensors="pt").to(model.device)
        with torch.inference_mode():
            inputs = {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"]}
            states = model.encoder(**inputs).last_hidden_state
            windows, first = [], 0
            for prompt in prompts:
                rows = slice(first, first := first + len(prompt.messages))
                windows.append(states[rows][encoded["attention_mask"][rows].bool()])  # one text behind the other
            lengths = torch.tensor([len(window) for window in windows], device=model.device)
            fused = torch.nn.utils.rnn.pad_sequence(windows, batch_first=True)
            written = model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=fused),
                attention_mask=(torch.arange(fused.shape[1], device=model.device) < lengths[:, None]).long(),
                generation_config=GenerationConfig(
                    max_new_tokens=max_tokens,
                    do_sample=False,
                    num_beams=1,
                    decoder_start_token_id=model.config.decoder_start_token_id,
                    eos_token_id=tokenizer.eos_token_id,
                    pad_token_id=tokenizer.pad_token_id,
                ),
            )
        return [
            self._completion(tokens[1:], tokenizer, prompt_tokens)
            for tokens, prompt_tokens in zip(written.tolist(), lengths.tolist(), strict=True)
        ]

    def _completion(self, tokens: list[int], tokenizer: Any, prompt_tokens: int) -> Completion:
        ended = tokenizer.eos_token_id in tokens
        said = tokens[: tokens.index(tokenizer.eos_token_id)] if ended else tokens
        return Completion(
            tokenizer.decode(said, skip_special_tokens=True),
            "stop" if ended else "length",
            prompt_tokens=prompt_tokens,
            output_tokens=len(said) + ended,
        )

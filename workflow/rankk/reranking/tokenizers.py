"""Counting and cutting in the model's own tokens, and a careful guess where no tokenizer is at hand."""

import re
from pathlib import Path
from typing import Any, Protocol

from rankk.errors import RankkError
from rankk.reranking.types import Prompt


class TokenCounter(Protocol):
    """Counts tokens and cuts text; `kind` tells the manifest how."""

    kind: str
    special_tokens: tuple[str, ...]

    def count(self, text: str) -> int:
        """Tokens of a text by itself."""
        ...

    def cut(self, text: str, limit: int) -> str:
        """The longest beginning of `text` of at most `limit` tokens, cut at a token's offset."""
        ...

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of a whole prompt, chat template included."""
        ...


class CharacterCounter:
    """Counts without a tokenizer: never fewer tokens than common tokenizers need.

    Three Latin letters or digits count one token, two letters of another alphabet one, every Han, Kana or Hangul
    character and every sign beyond the basic plane two, any other character one.
    """

    kind = "characters"
    special_tokens: tuple[str, ...] = ()
    PIECE = re.compile(r"\s?[A-Za-z0-9]{1,3}|\s+|[^\W\d_\u2e80-\uffef]{1,2}|.", re.DOTALL)
    TEMPLATE_TOKENS = 16  # a chat template's own tokens for a message

    def count(self, text: str) -> int:
        """Tokens, on the safe side."""
        return sum(map(self._cost, self.PIECE.findall(text)))

    def cut(self, text: str, limit: int) -> str:
        """The longest beginning of at most `limit` tokens."""
        total = 0
        for piece in self.PIECE.finditer(text):
            total += self._cost(piece[0])
            if total > limit:
                return text[: piece.start()]
        return text

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of all messages and an allowance for the template."""
        messages = sum(self.count(message.content) + self.TEMPLATE_TOKENS for message in prompt.messages)
        return messages + self.count(prompt.text) + self.count(prompt.prefix)

    @staticmethod
    def _cost(piece: str) -> int:
        return 2 if "\u2e80" <= piece[-1] <= "\uffef" or ord(piece[-1]) > 0xFFFF else 1


class ModelTokenizer:
    """The model's own tokenizer and chat template (transformers)."""

    kind = "tokenizer"

    def __init__(
        self, model: str | Path, revision: str | None = None, chat_template_kwargs: dict[str, Any] | None = None
    ) -> None:
        from transformers import AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(str(model), revision=revision, trust_remote_code=False)
        except (OSError, ValueError) as error:
            reason = (str(error).strip().splitlines() or ["unknown"])[0]
            raise RankkError(f"model {model}: its tokenizer cannot be loaded: {reason}") from None
        self._template_kwargs = chat_template_kwargs or {}
        # Templates hold control tokens that the tokenizer does not call special (<think> of some models).
        added = (str(token) for token in self._tokenizer.added_tokens_decoder.values())
        self.special_tokens = tuple(sorted({*self._tokenizer.all_special_tokens, *added}))

    def count(self, text: str) -> int:
        """Tokens of a text, without the tokens that begin or end a sequence."""
        return len(self.ids(text))

    def ids(self, text: str) -> list[int]:
        """Token ids of a rendered prompt: nothing is added, control tokens of the template are recognized."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def cut(self, text: str, limit: int) -> str:
        """The longest beginning of at most `limit` tokens, cut between characters at a token's offset."""
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        if len(encoded["input_ids"]) <= limit:
            return text
        end = encoded["offset_mapping"][limit][0]
        while end and self.count(text[:end]) > limit:  # a cut can split what was one token
            end -= 1
        return text[:end]

    def render(self, prompt: Prompt) -> str:
        """The text that the model continues: chat template, beginning of the answer, given prefix."""
        if prompt.text:
            return prompt.text + prompt.prefix
        messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
        rendered: str = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **self._template_kwargs
        )
        return rendered + prompt.prefix

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of the rendered prompt."""
        return self.count(self.render(prompt))

"""Counting and truncation in tokens of the model, and a conservative estimate without a tokenizer."""

import re
import unicodedata
from copy import copy
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol, Self

from rankk.errors import RankkError
from rankk.llm.saved_tokenizer import saved_tokenizer
from rankk.llm.types import Prompt

SAID = "What was said."
"""An example answer, used to find the token that a chat template writes after an answer."""
CACHED_TEXTS = 50_000
"""Number of cached truncated texts; a passage occurs in several windows."""
TEMPLATE_TOKENS = 1024
"""Tokens allowed for what a chat template adds to the messages; some add a system prompt."""


def most_tokens(text: str) -> int:
    """An upper bound: a token is at least one byte of UTF-8; SentencePiece may put a blank before the text."""
    return len(text.encode("utf-8", "surrogatepass")) + 1


def most_prompt_tokens(prompt: Prompt) -> int:
    """An upper bound for a whole prompt, chat template included."""
    parts = [*(message.content for message in prompt.messages), prompt.text, prompt.prefix]
    return sum(map(most_tokens, parts)) + TEMPLATE_TOKENS


class TokenCounter(Protocol):
    """Counts tokens and cuts text; `kind` tells the manifest how."""

    kind: str
    special_tokens: tuple[str, ...]

    def count(self, text: str) -> int:
        """Tokens of a text by itself."""
        ...

    def cut(self, text: str, limit: int) -> str:
        """A beginning of `text` of at most `limit` tokens, as long as may be, cut between characters."""
        ...

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of a whole prompt, chat template included."""
        ...

    def excess(self, prompt: Prompt, limit: int) -> int:
        """Tokens by which a prompt is longer than `limit`; 0 or less where it fits (then not always exact)."""
        ...


class CharacterCounter:
    """Estimates tokens from characters, on the safe side of today's multilingual vocabularies; not a strict bound.

    One token each: three Latin letters or fewer (English has 4 to 5 a token), two Cyrillic or Greek ones, a digit,
    a character of any other script (a Han character has 0.6 to 1), a sign, a run of blanks before another blank.
    Three tokens each: characters beyond the basic plane (emoji, rare Han characters), which go by bytes.
    """

    kind = "characters"
    special_tokens: tuple[str, ...] = ()
    BEYOND = re.compile("[\U00010000-\U0010ffff]")
    PIECE = re.compile(r"\s?(?:[A-Za-z]{1,3}|[\u0370-\u052f]{1,2}|[^\s\U00010000-\U0010ffff])|\s+|.", re.DOTALL)
    TEMPLATE_TOKENS = 16  # a chat template's own tokens for a message

    def count(self, text: str) -> int:
        """Tokens, on the safe side."""
        return len(self.PIECE.findall(text)) + 2 * len(self.BEYOND.findall(text))

    def cut(self, text: str, limit: int) -> str:
        """The longest beginning of at most `limit` tokens."""
        if self.count(text) <= limit:
            return text
        total = 0
        for piece in self.PIECE.finditer(text):
            total += 3 if self.BEYOND.match(text, piece.start()) else 1
            if total > limit:
                return text[: _boundary(text, piece.start())]
        return text

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of all messages and an allowance for the template."""
        messages = sum(self.count(message.content) + self.TEMPLATE_TOKENS for message in prompt.messages)
        return messages + self.count(prompt.text) + self.count(prompt.prefix)

    def excess(self, prompt: Prompt, limit: int) -> int:
        """Tokens by which a prompt is longer than `limit`."""
        return self.prompt_tokens(prompt) - limit


class ModelTokenizer:
    """The model's own tokenizer and chat template, from a folder or a hub id and revision.

    Raises RankkError where it cannot be loaded or cannot tell offsets.
    """

    kind = "tokenizer"

    def __init__(
        self,
        model: str | Path,
        revision: str | None = None,
        chat_template_kwargs: dict[str, Any] | None = None,
    ) -> None:
        try:
            self._tokenizer = _load(str(model), revision)
        except (OSError, ValueError) as error:
            reason = (str(error).strip().splitlines() or ["unknown"])[0]
            raise RankkError(f"model {model}: its tokenizer cannot be loaded: {reason}") from None
        if not self._tokenizer.is_fast:
            raise RankkError(f"model {model}: its tokenizer tells no offsets; expected one with a tokenizer.json")
        self._model = model
        self._template_kwargs = chat_template_kwargs or {}
        self.special_tokens = _control_tokens(self._tokenizer)
        self._cuts = lru_cache(CACHED_TEXTS)(self._cut)
        # The token that begins every sequence, where the tokenizer adds one.
        start = self._tokenizer.bos_token_id
        begins = start is not None and self._tokenizer("a")["input_ids"][0] == start
        self.start: str = self._tokenizer.bos_token if begins else ""

    def with_arguments(self, chat_template_kwargs: dict[str, Any]) -> Self:
        """The same tokenizer with other arguments of the chat template."""
        other = copy(self)
        other._template_kwargs = chat_template_kwargs
        return other

    @cached_property
    def end(self) -> int:
        """The token that ends an answer. RankkError where the chat template writes another: no engine would stop."""
        if self._tokenizer.chat_template:
            said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": SAID}]
            text = self._tokenizer.apply_chat_template(said, tokenize=False, **self._template_kwargs)
            behind = self.ids(text.rpartition(SAID)[2].lstrip())
            if behind and behind[0] != self._tokenizer.eos_token_id:
                raise RankkError(
                    f"model {self._model}: its chat template ends an answer with "
                    f"{self._tokenizer.decode(behind[:1])!r}, its tokenizer says {self._tokenizer.eos_token!r}"
                )
        if self._tokenizer.eos_token_id is None:
            raise RankkError(f"model {self._model}: its tokenizer names no token that ends an answer")
        return int(self._tokenizer.eos_token_id)

    def count(self, text: str) -> int:
        """Tokens of a text, without the tokens that begin or end a sequence."""
        return len(self.ids(text))

    def ids(self, text: str) -> list[int]:
        """Token ids of a rendered prompt: nothing is added, control tokens of the template are recognized."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def one_token(self, tag: str) -> int | None:
        """The id of a tag that is one token, whatever stands around it; None where it is not."""
        ids = self.ids(tag)
        return ids[0] if len(ids) == 1 and ids[0] in self.ids(f"a{tag}b") else None

    def text_of(self, token: int) -> str:
        """What a token adds to a text, with the blank that it may begin with."""
        before: str = self._tokenizer.decode(self._some)
        return str(self._tokenizer.decode([*self._some, token])).removeprefix(before)

    @cached_property
    def _some(self) -> list[int]:
        """Tokens of some text."""
        return self.ids("a")

    def hides(self, text: str) -> bool:
        """Whether decoding drops a part of a text because it is a special token."""
        added = self._tokenizer.added_tokens_decoder.values()
        return any(token.special and token.content in text for token in added)

    def cut(self, text: str, limit: int) -> str:
        """A beginning of at most `limit` tokens, cut at a token's offset and never inside a character."""
        return self._cuts(text, limit)

    def _cut(self, text: str, limit: int) -> str:
        if most_tokens(text) <= limit:
            return text
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        if len(encoded["input_ids"]) <= limit:
            return text
        end = _boundary(text, encoded["offset_mapping"][limit][0])
        while end and (excess := self.count(text[:end]) - limit) > 0:  # truncation can split a token
            end -= excess
        return text[: max(0, end)]

    def render(self, prompt: Prompt) -> str:
        """The text that the model continues: chat template, beginning of the answer, given prefix."""
        if prompt.text:
            return self.start + prompt.text + prompt.prefix
        from jinja2 import TemplateError

        messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
        if not self._tokenizer.chat_template:
            raise RankkError(f"model {self._model}: its chat template does not take this prompt: it has none")
        for name in self._template_kwargs:
            if not re.search(rf"\b{re.escape(name)}\b", str(self._tokenizer.chat_template)):
                raise RankkError(f"model {self._model}: its chat template does not use {name}; leave it out")
        try:
            rendered: str = self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, **self._template_kwargs
            )
        except (TemplateError, ValueError) as error:  # no template, or one that refuses the system message
            reason = str(error).strip().splitlines()[0]
            raise RankkError(f"model {self._model}: its chat template does not take this prompt: {reason}") from None
        start = "" if rendered.startswith(self.start) else self.start  # some templates leave it to the tokenizer
        return start + rendered + prompt.prefix

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of the rendered prompt."""
        return self.count(self.render(prompt))

    def excess(self, prompt: Prompt, limit: int) -> int:
        """Tokens by which a prompt is longer than `limit`; where a bound shows that it fits, they are not counted."""
        text = self.render(prompt)
        most = most_tokens(text)
        return (most if most <= limit else self.count(text)) - limit


def _load(model: str, revision: str | None) -> Any:
    if saved := saved_tokenizer(Path(model)):
        return saved
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model, revision=revision, trust_remote_code=False)


def model_context(model: str | Path, revision: str | None = None) -> int:
    """Tokens that the model was made to read and write, from its configuration. RankkError where it does not say."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(str(model), revision=revision, trust_remote_code=False).get_text_config()
        return int(config.max_position_embeddings)
    except (OSError, ValueError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or ["unknown"])[0]
        raise RankkError(f"model {model}: its context is not known ({reason}); set engine.max_model_len") from None


def _control_tokens(tokenizer: Any) -> tuple[str, ...]:
    """Every token that text must not become.

    Not only those called special: templates hold others (<think> of some models). Added words and blanks are text.
    """
    added = (
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        if token.special or not token.content.strip().replace(" ", "a").isalnum()
    )
    return tuple(sorted({token for token in (*tokenizer.all_special_tokens, *added) if token.strip()}))


def _boundary(text: str, end: int) -> int:
    """The last position up to `end` where no accent, vowel sign or joined emoji is parted from what it belongs to.

    A text that offers none within a few characters is cut at `end`.
    """
    for position in range(min(end, len(text) - 1), max(0, end - 8), -1):
        joined = unicodedata.category(text[position])[0] == "M" or "\u200d" in text[position - 1 : position + 1]
        if not joined:
            return position
    return end

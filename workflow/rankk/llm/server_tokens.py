"""Counting tokens by the server's own tokenizer (vLLM's /tokenize), where the model's files are not at hand."""

from functools import lru_cache
from typing import Any, Self

import httpx

from rankk.errors import RankkError
from rankk.llm.backends.openai import OpenAIBackend, authorization
from rankk.llm.types import Prompt

TIMEOUT = 30.0  # seconds
REMEMBERED = 50_000  # texts: a passage stands in many windows
CLOSE_ENOUGH = 4  # tokens that a cut may fall short of its limit


class ServerTokenizer:
    """A TokenCounter that asks the server. Its own control tokens are not told: the common ones are neutralized.

    Used from threads, beside the event loop. Raises RankkError where the server stops answering.
    """

    kind = "server"
    special_tokens: tuple[str, ...] = ()

    def __init__(self, base_url: str, model: str, template: dict[str, Any]) -> None:
        self._url = f"{base_url.removesuffix('/v1')}/tokenize"
        self._model, self._template = model, template
        self._client = httpx.Client(headers=authorization(), timeout=TIMEOUT, trust_env=False)
        self.count = lru_cache(REMEMBERED)(self._count)
        self.cut = lru_cache(REMEMBERED)(self._cut)

    @classmethod
    def of(cls, backend: OpenAIBackend, template: dict[str, Any]) -> Self | None:
        """The counter of a backend's server, None where it has no such endpoint."""
        counter = cls(backend.base_url, backend.model, template)
        try:
            counter.count("a")
        except RankkError:
            return None
        return counter

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of a whole prompt, chat template included."""
        if not prompt.messages:
            return self._ask(prompt=prompt.text + prompt.prefix)
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        asked = self._ask(messages=messages, add_generation_prompt=True, chat_template_kwargs=self._template)
        return asked + (self.count(prompt.prefix) if prompt.prefix else 0)

    def _count(self, text: str) -> int:
        return self._ask(prompt=text)

    def _cut(self, text: str, limit: int) -> str:
        """Bisection, led by the text's own rate of characters a token."""
        low, high, tokens = 0, len(text), self.count(text)
        guess = len(text) * limit // max(tokens, 1)
        if tokens <= limit:
            return text
        while high - low > 1:
            guess = min(max(guess, low + 1), high - 1)
            tokens = self._count(text[:guess])
            if tokens <= limit:
                low = guess
                if limit - tokens <= CLOSE_ENOUGH:
                    break
            else:
                high = guess
            guess = guess * limit // max(tokens, 1) if abs(tokens - limit) > CLOSE_ENOUGH else (low + high) // 2
        return text[:low]

    def _ask(self, **body: Any) -> int:
        try:
            answer = self._client.post(self._url, json={"model": self._model, "add_special_tokens": False} | body)
            answer.raise_for_status()
            return int(answer.json()["count"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise RankkError(f"{self._url}: does not count tokens: {error!r}") from None

"""Counting tokens with the server's own tokenizer (vLLM's /tokenize), where the model's files are not at hand."""

import json
import logging
import random
import time
from collections.abc import Mapping
from contextlib import closing
from functools import lru_cache
from typing import Any, Self

import httpx

from rankk.errors import RankkError
from rankk.llm import answers, http
from rankk.llm.addresses import masked
from rankk.llm.openai_client import FIRST_DELAY, RETRIES, OpenAIClient
from rankk.llm.tokenizers import CACHED_TEXTS, most_prompt_tokens, most_tokens
from rankk.llm.types import Prompt

log = logging.getLogger("rankk")

TIMEOUT = 30.0  # seconds for one answer
MOST_BYTES = 1 << 26  # of one answer, which may hold every token's id
CLOSE_ENOUGH = 4  # tokens that a cut may fall short of its limit


class _Absent(RankkError):
    """The server has no such endpoint."""


class ServerTokenizer:
    """A TokenCounter that asks the server, which does not tell its control tokens: the common ones are neutralized.

    Used from threads, beside the event loop. Raises RankkError where the server stops answering.
    """

    kind = "server"
    special_tokens: tuple[str, ...] = ()

    def __init__(
        self, base_url: str, model: str, chat_template_kwargs: dict[str, Any], headers: dict[str, str]
    ) -> None:
        self._url = f"{base_url.removesuffix('/v1')}/tokenize"
        self._model, self._template = model, chat_template_kwargs
        self._headers = http.sent(base_url, headers)
        self._transport = httpx.HTTPTransport(**http.settings(base_url))
        self.count = lru_cache(CACHED_TEXTS)(self._count)
        self.cut = lru_cache(CACHED_TEXTS)(self._cut)

    @classmethod
    def of(cls, client: OpenAIClient, chat_template_kwargs: dict[str, Any]) -> Self | None:
        """The counter of a client's server; None, with a warning, where the server has no such endpoint.

        RankkError where the server has one that does not answer now: characters in its place would cut the prompts
        elsewhere, and every call would be made again.
        """
        counter = cls(client.base_url, client.model, chat_template_kwargs, client.headers)
        try:
            counter.count("a")
        except _Absent as error:
            log.warning("tokens are counted by characters: %s", error)
            return None
        return counter

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of a whole prompt, chat template included."""
        if not prompt.messages:
            return self._ask(prompt=prompt.text + prompt.prefix)
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        asked = self._ask(messages=messages, add_generation_prompt=True, chat_template_kwargs=self._template)
        return asked + (self.count(prompt.prefix) if prompt.prefix else 0)

    def excess(self, prompt: Prompt, limit: int) -> int:
        """Tokens by which a prompt is longer than `limit`; 0 or less where it fits."""
        return most - limit if (most := most_prompt_tokens(prompt)) <= limit else self.prompt_tokens(prompt) - limit

    def _count(self, text: str) -> int:
        return self._ask(prompt=text)

    def _cut(self, text: str, limit: int) -> str:
        """Bisection, led by the text's own rate of characters per token."""
        if most_tokens(text) <= limit:
            return text
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
        """The count that the server gives, after as many attempts as a call gets."""
        for attempt in range(RETRIES + 1):
            if attempt:
                time.sleep(FIRST_DELAY * 2 ** (attempt - 1) * random.uniform(0.5, 1))
            try:
                reply = self._post({"model": self._model, "add_special_tokens": False} | body)
            except httpx.HTTPError as error:
                reason = http.why(error)
                continue
            reason = f"{reply.status} {reply.shown}"
            if http.may_pass(reply.status):
                continue
            if reply.status >= 300:
                raise _Absent(f"{masked(self._url)}: {reason}")
            try:
                count = answers.tokens(json.loads(reply.content)["count"])
            except (ValueError, KeyError, TypeError, RecursionError):
                count = None
            if count is None:
                raise _Absent(f"{masked(self._url)}: does not answer with a count of tokens: {reason}")
            return count
        raise RankkError(f"{masked(self._url)}: does not count tokens ({attempt + 1} attempts, last: {reason})")

    def _post(self, body: Mapping[str, Any]) -> http.Reply:
        """The server's answer, read within limits of time and size."""
        deadline, content = time.monotonic() + TIMEOUT, bytearray()
        limits = {"timeout": httpx.Timeout(TIMEOUT).as_dict()}
        request = httpx.Request("POST", self._url, headers=self._headers, json=body, extensions=limits)
        with closing(self._transport.handle_request(request)) as response:
            assert isinstance(response.stream, httpx.SyncByteStream)
            for chunk in response.stream:
                content += chunk
                if time.monotonic() > deadline or len(content) > MOST_BYTES:
                    raise httpx.ReadTimeout(f"no whole answer within {TIMEOUT:.0f} s and {MOST_BYTES:,} bytes")
            return http.Reply(response.status_code, response.headers, bytes(content))

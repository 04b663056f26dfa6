"""Any server that speaks OpenAI's protocol: vLLM's own, or a hosted one."""

import asyncio
import os
import random
import time
from collections.abc import Mapping
from typing import Any

import httpx

from rankk.errors import RankkError
from rankk.llm.types import Completion, Prompt, Sampling

RETRIES = 5
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds
CONNECT_TIMEOUT = 5.0  # seconds: a dead server is an error, not a wait
CALL_TIMEOUT = 3600.0  # seconds for one call, all attempts together
KEY_VARIABLE = "OPENAI_API_KEY"


class OpenAIBackend:
    """Chat completions, or plain completions for prompts that are rendered already.

    Retries transport errors, 429 and 5xx with growing pauses; anything else is a RankkError with the server's words.
    The key comes from the environment only and is never shown.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        max_in_flight: int = 64,
        key: str | None = None,
        template: Mapping[str, Any] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.model = model
        self.max_in_flight = max_in_flight
        self.is_vllm = False
        self.context: int | None = None
        self._template = dict(template or {})
        self._client = httpx.AsyncClient(
            headers=authorization(key),
            timeout=httpx.Timeout(CALL_TIMEOUT, connect=CONNECT_TIMEOUT, pool=None),
            limits=httpx.Limits(max_connections=max_in_flight, max_keepalive_connections=max_in_flight),
            trust_env=False,
        )

    async def check(self) -> None:
        """Ask the server for its models. RankkError within seconds where it does not answer or lacks the model."""
        try:
            answer = await self._client.get(f"{self.base_url}/models", timeout=2 * CONNECT_TIMEOUT)
        except httpx.HTTPError as error:
            raise RankkError(f"{self.base_url}: no server answers there ({type(error).__name__})") from None
        if answer.status_code != httpx.codes.OK:
            raise RankkError(f"{self.base_url}: the server refuses: {_reason(answer)}")
        models = {entry.get("id"): entry for entry in answer.json().get("data", [])}
        if models and self.model not in models:
            raise RankkError(f"{self.base_url}: serves no model {self.model!r}; it has: {', '.join(map(str, models))}")
        entry = models.get(self.model, {})
        self.is_vllm = entry.get("owned_by") == "vllm"
        self.context = entry.get("max_model_len")

    async def complete(self, prompt: Prompt, sampling: Sampling, *, priority: int = 0) -> Completion:
        """One completion. RankkError where the server refuses it or fails for good."""
        started = time.monotonic()
        body = self._body(prompt, sampling, priority)
        path = "chat/completions" if prompt.messages else "completions"
        answer = await self._post(path, body)
        try:
            completion = _completion(answer, time.monotonic() - started)
        except (KeyError, IndexError, TypeError) as error:
            raise RankkError(f"{self.base_url}: not the answer of an OpenAI-compatible server: {error!r}") from None
        return completion

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _body(self, prompt: Prompt, sampling: Sampling, priority: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
            "stop": list(sampling.stop) or None,
            "n": 1,
            "stream": False,
        }
        if self.is_vllm:
            body |= {"top_k": sampling.top_k, "min_p": sampling.min_p, "priority": priority}
            body |= {"repetition_penalty": sampling.repetition_penalty}
            if sampling.thinking_budget is not None:
                body |= {"thinking_token_budget": sampling.thinking_budget, "return_token_ids": True}
        if prompt.messages:
            body["messages"] = [{"role": m.role, "content": m.content} for m in prompt.messages]
            if self._template and self.is_vllm:
                body["chat_template_kwargs"] = self._template
            if prompt.prefix:
                self._continue(body, prompt.prefix)
            body |= {"logprobs": True, "top_logprobs": sampling.logprobs} if sampling.logprobs else {}
        else:
            body["prompt"] = prompt.text + prompt.prefix
            body |= {"logprobs": sampling.logprobs} if sampling.logprobs else {}
            body |= {"add_special_tokens": False} if self.is_vllm else {}
        return {name: value for name, value in body.items() if value is not None}

    def _continue(self, body: dict[str, Any], prefix: str) -> None:
        if not self.is_vllm:
            raise RankkError(
                f"{self.base_url}: this server cannot continue a given text, which a thinking budget needs; leave "
                "thinking_tokens out or use vLLM"
            )
        body["messages"].append({"role": "assistant", "content": prefix})
        body |= {"continue_final_message": True, "add_generation_prompt": False}

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + CALL_TIMEOUT
        for attempt in range(RETRIES + 1):
            try:
                answer = await self._client.post(f"{self.base_url}/{path}", json=body)
                if answer.status_code == httpx.codes.OK:
                    found: dict[str, Any] = answer.json()
                    return found
                reason, wait = _reason(answer), _retry_after(answer)
                if answer.status_code != httpx.codes.TOO_MANY_REQUESTS and answer.status_code < 500:
                    raise RankkError(f"{self.base_url}: the server refuses the call: {reason}")
            except (httpx.TransportError, ValueError) as error:
                reason, wait = f"{type(error).__name__}: {error}", 0.0
            pause = max(wait, min(LONGEST_DELAY, FIRST_DELAY * 2**attempt) * random.uniform(0.5, 1))
            if attempt == RETRIES or time.monotonic() + pause > deadline:
                break
            await asyncio.sleep(pause)
        raise RankkError(f"{self.base_url}: the call failed {attempt + 1} times, last with: {reason}")


def authorization(key: str | None = None) -> dict[str, str]:
    """The header that shows the key: the one given, or the environment's."""
    key = key or os.environ.get(KEY_VARIABLE)
    return {"Authorization": f"Bearer {key}"} if key else {}


def _completion(answer: Mapping[str, Any], seconds: float) -> Completion:
    choice, usage = answer["choices"][0], answer.get("usage") or {}
    message = choice.get("message")
    if message is None:
        text, reasoning = choice.get("text"), None
        top = ((choice.get("logprobs") or {}).get("top_logprobs") or [None])[0]
    else:
        text, reasoning = message.get("content"), message.get("reasoning") or message.get("reasoning_content")
        content = (choice.get("logprobs") or {}).get("content") or []
        top = {entry["token"]: entry["logprob"] for entry in content[0]["top_logprobs"]} if content else None
    return Completion(
        text=text or "",
        finish_reason=choice.get("finish_reason") or "stop",
        reasoning=reasoning,
        prompt_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens"),
        first_logprobs=top,
        seconds=seconds,
        token_ids=tuple(choice.get("token_ids") or ()),
    )


def _reason(answer: httpx.Response) -> str:
    """The server's own words, on one line."""
    try:
        body = answer.json()
        said = body.get("error", body) if isinstance(body, dict) else body
        said = said.get("message", said) if isinstance(said, dict) else said
    except ValueError:
        said = answer.text
    return f"{answer.status_code} {' '.join(str(said).split())[:300]}"


def _retry_after(answer: httpx.Response) -> float:
    """Seconds the server asks to wait, within reason."""
    try:
        return min(LONGEST_DELAY, float(answer.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0

"""Calls to a server with OpenAI's protocol."""

import asyncio
import logging
import random
import re
import time
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import urljoin

import httpx

from rankk.errors import BackendError, RankkError
from rankk.llm import answers
from rankk.llm.addresses import authorization, check_address, masked, same_server
from rankk.llm.http import Pool, Reply, is_refused, may_pass, on_one_line, why
from rankk.llm.types import CallContext, Completion, Prompt, Sampling

log = logging.getLogger("rankk")

RETRIES = 5
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds between attempts
CHECK_SECONDS = 10.0  # for the list of models
PATIENCE, START_PATIENCE = 300.0, 10.0  # seconds that a server is waited for; one that never listened
AWAY_DELAY = 2.0  # seconds between attempts meanwhile, at most
AWAY = (502, 503)
ATTEMPT_SECONDS, TOKEN_SECONDS = 600.0, 0.5  # limit of one attempt: fixed, and for each of max_tokens
CALL_ATTEMPTS = 3  # limit of all attempts together, in times of the limit of one
ANSWER_BYTES, TOKEN_BYTES = 1 << 20, 256  # limit of an answer: fixed, and for each of max_tokens
MODELS_BYTES = 1 << 24  # limit of the list of models
REDIRECTS = 3
IN_FLIGHT, IN_FLIGHT_VLLM, MOST_IN_FLIGHT = 64, 256, 1024
MODELS_SHOWN = 10
ADAPTED = {"max_tokens": "max_completion_tokens"}
"""Parameters that have another name in newer models."""
OPTIONAL = ("temperature", "top_p", "seed", "stop", "n", "stream")
"""Parameters that are left out where a model refuses them."""
REFUSED = re.compile(
    "not supported|n.t support|unsupported|unrecognized|unknown|unexpected|not permitted|not allowed|deprecated"
    "|takes? n|not (take|accept)|cannot both|only the default|extra_forbidden|max_completion_tokens",
    re.IGNORECASE,
)
"""Words in errors about unknown parameters, in contrast to values out of range."""


class OpenAIClient:
    """Chat completions, or plain completions for prompts that are rendered already.

    Transport errors, 429, 5xx and answers that failed are tried again with growing pauses; a server that is away is
    waited for (`patience`, seconds; None: `PATIENCE`). Anything else is a RankkError with the server's words.
    Parameters that the model refuses are sent no more, which `facts` tells. The key comes from the environment and is
    never shown. `own_engine`: further parameters of plain completions, for a server that rankk started.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        in_flight: int | None = None,
        key: str | None = None,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        patience: float | None = None,
        attempt_seconds: float = ATTEMPT_SECONDS,
        own_engine: Mapping[str, Any] | None = None,
    ) -> None:
        self.base_url = check_address(base_url)
        self.model = model
        self.max_in_flight = in_flight or IN_FLIGHT
        self.is_vllm = False
        self.context: int | None = None
        self.headers = authorization(key)
        self._in_flight = in_flight
        self._template = dict(chat_template_kwargs or {})
        self._own_engine = dict(own_engine or {})
        self._patience = PATIENCE if patience is None else patience
        self._start_patience = START_PATIENCE if patience is None else patience
        self._attempt_seconds = attempt_seconds
        self._adapted: dict[str, str] = {}
        self._waits_since: float | None = None
        self._pools = [self._pool()]

    def _pool(self) -> Pool:
        return Pool(self.base_url, self.headers, self._in_flight or MOST_IN_FLIGHT)

    @property
    def facts(self) -> dict[str, Any]:
        """Parameters that were renamed or left out because the model refuses them."""
        adapted = self._adapted | ({"chat_template_kwargs": "not sent"} if self._unsent else {})
        return {"parameters_adapted": adapted} if adapted else {}

    @property
    def _unsent(self) -> list[str]:
        """Arguments of the chat template that are sent to vLLM only."""
        return [] if self.is_vllm else sorted(self._template.keys() - {"reasoning_effort"})

    async def check(self) -> None:
        """Ask the server for its models. RankkError where it does not answer, refuses the key or lacks the model."""
        started = time.monotonic()
        while True:
            patience = 0.0
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    reply = await self._request("GET", "models", limit=MODELS_BYTES)
                if not may_pass(reply.status):
                    break
                patience = self._patience if reply.status in AWAY else self._start_patience
                reason = self._status(reply)
            except TimeoutError:
                reason = f"no whole answer within {CHECK_SECONDS:.0f} s"
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                patience, reason = self._start_patience if is_refused(error) else 0.0, why(error)
            except RankkError as error:
                raise RankkError(f"{self._shown}: {error}") from None
            if time.monotonic() - started >= patience:
                advice = "; with patience: SECONDS one that is being started is waited for" if patience else ""
                raise RankkError(f"{self._shown}: no server answers there ({reason}){advice}")
            self._tell_waiting(reason, patience)
            await asyncio.sleep(min(AWAY_DELAY, patience))
        self._take_models(reply)

    def _take_models(self, reply: Reply) -> None:
        known: dict[str, Mapping[str, Any]] = {}
        if reply.status < 300:
            try:
                known = answers.models(answers.parse(reply))
            except RankkError as error:
                raise RankkError(f"{self._shown}/models: {error}") from None
        elif reply.status not in (404, 405, 501):
            raise RankkError(f"{self._shown}: the server refuses: {self._status(reply)}")
        if known and self.model not in known:
            shown = get_close_matches(self.model, known, MODELS_SHOWN, 0) if len(known) > MODELS_SHOWN else known
            more = f", … ({len(known)} in all)" if len(known) > MODELS_SHOWN else ""
            listed = ", ".join(on_one_line(name, 100) for name in shown)
            raise RankkError(f"{self._shown}: serves no model {self.model!r}; it has: {listed}{more}")
        entry = known.get(self.model, {})
        self.is_vllm = entry.get("owned_by") == "vllm"
        self.context = answers.context(entry)
        self.max_in_flight = self._in_flight or (IN_FLIGHT_VLLM if self.is_vllm else IN_FLIGHT)
        if self._unsent:
            log.warning("%s: no vLLM: these are not sent to it: %s", self._shown, ", ".join(self._unsent))

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        """One completion. RankkError where the call fails for good, BackendError where the server is gone."""
        started = time.monotonic()
        limit = self._attempt_seconds + TOKEN_SECONDS * sampling.max_tokens
        size = ANSWER_BYTES + TOKEN_BYTES * sampling.max_tokens
        path = "chat/completions" if prompt.messages else "completions"
        failures, away_since = 0, None
        while True:
            body = self._body(prompt, sampling, call.priority)
            away, wait, status = False, 0.0, 0
            try:
                async with asyncio.timeout(limit):
                    reply = await self._request("POST", path, limit=size, json=body)
                done = self._outcome(reply, body, time.monotonic() - started)
                if isinstance(done, Completion):
                    return done
                if done is None:
                    continue
                status, reason, wait = reply.status, done, _retry_after(reply)
                away = status in AWAY
            except TimeoutError:
                reason = f"no answer within {limit:.0f} s"
            except httpx.HTTPError as error:
                away, reason = is_refused(error), why(error)
            except answers.Failed as error:
                reason = str(error)
            except RankkError as error:
                raise type(error)(f"{self._shown}: {error}") from None
            now = time.monotonic()
            if away:
                away_since = away_since or now
                self._tell_waiting(reason, self._patience)
                if now - away_since > self._patience:
                    gone = f"{self._shown}: away for {now - away_since:.0f} s: {reason}"
                    raise RankkError(gone) if status else BackendError(gone)
            else:
                failures, away_since = failures + 1, None
            longest = AWAY_DELAY if away else LONGEST_DELAY
            pause = max(wait, min(longest, FIRST_DELAY * 2**failures) * random.uniform(0.5, 1))
            if failures > RETRIES or now + pause - started > CALL_ATTEMPTS * limit + self._patience:
                raise RankkError(f"{self._shown}: the call failed {failures} times, last with: {reason}")
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Close the connections."""
        for pool in self._pools:
            await pool.close()

    @property
    def _shown(self) -> str:
        return masked(self.base_url)

    def _status(self, reply: Reply) -> str:
        """Status and the server's own words, on one line, without the key."""
        words = answers.error_text(_json(reply), reply.shown)
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return f"{reply.status} {words.replace(key, '***') if key else words}".strip()

    def _tell_waiting(self, reason: str, patience: float) -> None:
        """Log one message for all waiting calls."""
        if self._waits_since is None or time.monotonic() - self._waits_since > patience:
            log.warning("%s: %s; waiting for it, at most %.0f s", self._shown, reason, patience)
            self._waits_since = time.monotonic()

    def _outcome(self, reply: Reply, body: Mapping[str, Any], seconds: float) -> Completion | str | None:
        """The completion in a reply, the reason why it may come later, or None where other parameters are to be sent.

        RankkError where the server refuses the call, BackendError where it refuses all.
        """
        answer = answers.parse(reply) if reply.status < 300 else _json(reply)
        if reply.status < 300 and isinstance(answer, dict) and answer.get("choices"):
            return answers.completion(answer, seconds)
        if answers.ends_all(reply.status, answer):
            raise BackendError(f"the server refuses all calls: {self._status(reply)}")
        if answers.is_filtered(answer) and not may_pass(reply.status):
            return Completion("", "content_filter", seconds=seconds)
        if reply.status < 300:
            return answers.completion(answer, seconds)
        if may_pass(reply.status):
            return self._status(reply)
        if reply.status in (400, 422) and self._adapt(body, reply):
            return None
        raise RankkError(f"the server refuses the call: {self._status(reply)}")

    def _adapt(self, body: Mapping[str, Any], reply: Reply) -> bool:
        """Rename or leave out the parameter that an error names; False where it names none that can be."""
        error, words = _json(reply), reply.content.decode("utf-8", "replace")
        codes = answers.error_codes(error)
        if not REFUSED.search(words):
            return False
        for name in (*ADAPTED, *OPTIONAL):
            if name in body and (name in codes or re.search(rf"\b{name}\b", words)):
                self._adapted[name] = ADAPTED.get(name, "not sent")
                log.warning("%s: the model refuses %s; from now on: %s", self._shown, name, self._adapted[name])
                return True
        return False

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
        for name, other in self._adapted.items():
            value = body.pop(name)
            body |= {other: value} if name in ADAPTED else {}
        if self.is_vllm:
            body |= {"top_k": sampling.top_k, "min_p": sampling.min_p, "priority": priority}
            body |= {"repetition_penalty": sampling.repetition_penalty}
            if sampling.thinking_budget is not None:
                body |= {"thinking_token_budget": sampling.thinking_budget, "return_token_ids": True}
        if prompt.messages:
            body["messages"] = [{"role": m.role, "content": m.content} for m in prompt.messages]
            if self._template and self.is_vllm:
                body["chat_template_kwargs"] = self._template
            body["reasoning_effort"] = self._template.get("reasoning_effort")
            if prompt.prefix:
                self._continue(body, prompt.prefix)
            body |= {"logprobs": True, "top_logprobs": sampling.logprobs} if sampling.logprobs else {}
        else:
            body["prompt"] = prompt.text + prompt.prefix
            body |= {"logprobs": sampling.logprobs} if sampling.logprobs else {}
            body |= {"add_special_tokens": False} if self.is_vllm else {}
            body |= self._own_engine
        return {name: value for name, value in body.items() if value is not None}

    def _continue(self, body: dict[str, Any], prefix: str) -> None:
        if not self.is_vllm:
            raise RankkError(
                f"{self._shown}: this server cannot continue a given text, which a thinking budget or a preset's "
                "prefix needs; leave thinking_tokens (prefix) out or use vLLM"
            )
        body["messages"].append({"role": "assistant", "content": prefix})
        body |= {"continue_final_message": True, "add_generation_prompt": False}

    async def _request(self, method: str, path: str, *, limit: int, json: Any = None) -> Reply:
        """The reply to one request, after redirects of the same server; RankkError names any other target."""
        for _ in range(REDIRECTS + 1):
            url = f"{self.base_url}/{path}"
            reply = await self._pools[-1].request(method, url, limit=limit, json=json)
            if not 300 <= reply.status < 400:
                return reply
            target = urljoin(url, reply.headers.get("location", ""))
            if reply.status not in (307, 308) or not same_server(url, target) or not target.endswith(f"/{path}"):
                break
            self._move(target.removesuffix(f"/{path}"))
        raise RankkError(f"redirects ({reply.status}) to {masked(target)}; set base_url to where the server is")

    def _move(self, base_url: str) -> None:
        """Send further requests to the address that a redirect named."""
        if base_url != self.base_url:
            try:
                self.base_url = check_address(base_url)
            except ValueError as error:
                raise RankkError(f"redirects to an address that cannot be used: {error}") from None
            self._pools.append(self._pool())


def _json(reply: Reply) -> Any:
    try:
        return answers.parse(reply)
    except RankkError:
        return None


def _retry_after(reply: Reply) -> float:
    """Seconds that the server asks to wait, up to a limit."""
    try:
        return max(0.0, min(LONGEST_DELAY, float(reply.headers.get("retry-after", 0))))
    except ValueError:
        return 0.0

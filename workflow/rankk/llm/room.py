"""The number of calls in flight on a vLLM server, limited by the free KV cache that its /metrics report."""

import asyncio
import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import httpx

from rankk.errors import RankkError
from rankk.llm.http import Pool
from rankk.llm.openai_client import MOST_IN_FLIGHT, OpenAIClient
from rankk.llm.scheduler import PriorityGate
from rankk.llm.types import CallContext, Client, Completion, Prompt, Sampling

log = logging.getLogger("rankk")

FEWEST = 16
"""Calls in flight at the start, at least."""
BYTES_A_TOKEN = 4.0
WRITTEN, FULL, AFTER_PREEMPTION = 0.25, 0.9, 0.95
"""Share of `max_tokens` that a call in flight is taken to have written at the start; share of the cache up to which
more calls are sent; share of the running calls that a preemption leaves."""
POLL_SECONDS, ANSWER_SECONDS, MOST_BYTES = 1.0, 5.0, 1 << 24
LINE = re.compile(r"^vllm:(\w+)(?:\{(.*)\})? ([-+.\deE]+)\s*$", re.MULTILINE)
USAGES = ("kv_cache_usage_perc", "gpu_cache_usage_perc")
BLOCKS = re.compile(r'\b(block_size|num_gpu_blocks)="(\d+)"')


@dataclass(frozen=True)
class Metrics:
    """State of a vLLM server, all of its engines together.

    `usage`: share of the KV cache in use, of the fullest engine. `tokens`: what the caches hold.
    """

    running: float
    waiting: float
    usage: float
    preemptions: float
    tokens: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From Prometheus' text format; None where a number that is needed is not there."""
        values: dict[str, list[float]] = {}
        tokens = 0
        for name, labels, value in LINE.findall(text):
            with suppress(ValueError):
                values.setdefault(name, []).append(float(value))
            if name == "cache_config_info":
                blocks = {key: int(number) for key, number in BLOCKS.findall(labels)}
                tokens += blocks.get("block_size", 0) * blocks.get("num_gpu_blocks", 0)
        usage = next((values[name] for name in USAGES if name in values), None)
        running, waiting = values.get("num_requests_running"), values.get("num_requests_waiting")
        if usage is None or running is None or waiting is None or not tokens:
            return None
        return cls(sum(running), sum(waiting), max(usage), sum(values.get("num_preemptions_total", ())), tokens)


class Room:
    """The number of calls in flight, `limit`, that follows a server's metrics.

    It starts with what the free cache holds of calls that have written a quarter of their `max_tokens`. While the cache
    has room and nothing waits in the server, every finished call is followed by two. Where the server had to preempt
    calls, whose tokens it then computes again, the limit falls below what was running.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.limit = 0  # not known before the first call
        self.in_flight = 0
        self._metrics = metrics
        self._finished = 0
        self._was_full = False

    def start(self, prompt_bytes: int, max_tokens: int) -> None:
        """Set the first limit, for calls like this one."""
        need = prompt_bytes / BYTES_A_TOKEN + WRITTEN * max_tokens
        free = self._metrics.tokens * max(0.0, FULL - self._metrics.usage)
        self.limit = min(MOST_IN_FLIGHT, max(FEWEST, int(free / need)))

    def sent(self) -> None:
        """A call was sent."""
        self.in_flight += 1
        self._was_full |= self.in_flight >= self.limit

    def finished(self) -> None:
        """A call came to its end."""
        self.in_flight -= 1
        self._finished += 1

    def observe(self, metrics: Metrics) -> None:
        """Follow the server's state."""
        if metrics.preemptions > self._metrics.preemptions:
            share = metrics.running / max(1.0, metrics.running + metrics.waiting)
            self.limit = max(1, min(self.limit, int(AFTER_PREEMPTION * share * self.in_flight)))
        elif self._was_full and not metrics.waiting and metrics.usage < FULL:
            self.limit = min(MOST_IN_FLIGHT, self.limit + self._finished)
        self._metrics, self._finished, self._was_full = metrics, 0, self.in_flight >= self.limit


class Following:
    """A client of a vLLM server whose calls in flight follow the server's metrics; others wait here, by priority."""

    max_in_flight = MOST_IN_FLIGHT

    def __init__(self, client: OpenAIClient, metrics: "MetricsPage", room: Room) -> None:
        self._client, self._page, self.room = client, metrics, room
        self._gate = PriorityGate(lambda: room.limit)
        self._watching = asyncio.create_task(self._watch())

    @property
    def facts(self) -> dict[str, Any]:
        """The client's, and the last number of calls in flight that the server had room for."""
        return {**self._client.facts, "in_flight": self.room.limit}

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        """One completion, asked for when the server has room."""
        if not self.room.limit:
            texts = [*(message.content for message in prompt.messages), prompt.text, prompt.prefix]
            self.room.start(sum(len(text.encode("utf-8", "replace")) for text in texts), sampling.max_tokens)
        async with self._gate.slot(call.priority):
            self.room.sent()
            try:
                return await self._client.complete(prompt, sampling, call)
            finally:
                self.room.finished()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self.room.in_flight and (metrics := await self._page.read()):
                self.room.observe(metrics)

    async def close(self) -> None:
        """Close the connections."""
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await self._page.close()
        await self._client.close()


class MetricsPage:
    """A server's /metrics."""

    def __init__(self, client: OpenAIClient) -> None:
        self._url = f"{client.base_url.removesuffix('/v1')}/metrics"
        self._pool = Pool(self._url, client.headers, 1)

    async def read(self) -> Metrics | None:
        """The server's state; None if it is not available at the moment."""
        with suppress(httpx.HTTPError, RankkError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                reply = await self._pool.request("GET", self._url, limit=MOST_BYTES)
            return Metrics.read(reply.content.decode("utf-8", "replace")) if reply.status < 300 else None
        return None

    async def close(self) -> None:
        """Close the connection."""
        await self._pool.close()


async def following(client: OpenAIClient) -> Client:
    """Let the number of calls in flight follow the server's metrics if it is a vLLM server that reports them."""
    if not client.is_vllm:
        return client
    page = MetricsPage(client)
    metrics = await page.read()
    if metrics is None:
        log.info("the server tells no metrics: %d calls are in flight at once", client.max_in_flight)
        await page.close()
        return client
    return Following(client, page, Room(metrics))

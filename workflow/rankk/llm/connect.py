"""From settings to a backend, with what is known of its tokens and context. Engines start at their first call."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rankk.errors import RankkError
from rankk.llm.backends.openai import OpenAIBackend
from rankk.llm.backends.replay import ReplayBackend
from rankk.llm.server import MODEL_NAME, lease
from rankk.llm.server_tokens import ServerTokenizer
from rankk.llm.tokenizers import CharacterCounter, ModelTokenizer, TokenCounter, model_context
from rankk.llm.types import Backend, Completion, Prompt, Sampling
from rankk.provenance import gpus
from rankk.reranking.settings import Settings


@dataclass(frozen=True)
class Connection:
    """A backend ready for calls.

    `context`: tokens of prompt and answer together, None where nobody told. `closing_token`: the engine closes a
    thought at its budget by itself, with this token.
    """

    backend: Backend | ReplayBackend
    counter: TokenCounter
    context: int | None
    closing_token: int | None = None
    deciding: dict[str, Any] = field(default_factory=dict)  # settings of the engine that decide its answers

    @property
    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        started = getattr(self.backend, "start_seconds", None)
        return {
            "tokens_counted_by": self.counter.kind,
            "context": self.context,
            "thinking_budget": "two calls" if self.closing_token is None else "native",
        } | ({} if started is None else {"engine_start_seconds": round(started, 3)})


class Engine:
    """Takes prompts as text for an engine that starts with the first of them.

    A journal that holds every answer therefore costs no engine start. The chat template is applied here, in one
    place. A start that fails is every waiting call's BackendError.
    """

    def __init__(self, start: Callable[[], Awaitable[Backend]], tokenizer: ModelTokenizer, max_in_flight: int) -> None:
        self._start, self._tokenizer = start, tokenizer
        self.max_in_flight = max_in_flight
        self.start_seconds = 0.0
        self._starting: asyncio.Task[Backend] | None = None

    async def complete(self, prompt: Prompt, sampling: Sampling, *, priority: int = 0) -> Completion:
        """One completion of the rendered prompt."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._started())
        backend = await asyncio.shield(self._starting)
        return await backend.complete(Prompt(text=self._tokenizer.render(prompt)), sampling, priority=priority)

    async def _started(self) -> Backend:
        began = time.monotonic()
        backend = await self._start()
        self.start_seconds = time.monotonic() - began
        return backend

    async def close(self) -> None:
        """End the engine, or its start."""
        if self._starting is None:
            return
        if not self._starting.done():
            self._starting.cancel()
        (outcome,) = await asyncio.gather(self._starting, return_exceptions=True)
        if not isinstance(outcome, BaseException):
            await outcome.close()


@asynccontextmanager
async def connect(settings: Settings, model: str, engine_owner: int | None) -> AsyncIterator[Connection]:
    """The backend that the settings name, closed at the end. `model`: id or folder.

    vLLM runs in this process, or in a server shared with other cells where `engine_owner` (a process id) is given.
    """
    reranker = settings.reranker
    if reranker.backend == "replay":
        yield Connection(ReplayBackend(reranker.responses or ""), CharacterCounter(), None)
        return
    async with AsyncExitStack() as stack:
        if reranker.backend == "openai":
            connection = await _openai(settings, model)
        else:
            connection = _vllm(settings, model, engine_owner, stack)
        stack.push_async_callback(connection.backend.close)
        yield connection


async def _openai(settings: Settings, model: str) -> Connection:
    backend = OpenAIBackend(settings.reranker.base_url or "", model, template=settings.preset.chat_template_kwargs)
    await backend.check()
    counter: TokenCounter | None
    if Path(model).is_dir():
        counter = ModelTokenizer(model, chat_template_kwargs=settings.preset.chat_template_kwargs)
    else:
        counter = ServerTokenizer.of(backend, settings.preset.chat_template_kwargs)
    return Connection(backend, counter or CharacterCounter(), backend.context)


def _vllm(settings: Settings, model: str, engine_owner: int | None, stack: AsyncExitStack) -> Connection:
    config, revision, thinking = settings.reranker.engine, settings.reranker.revision, settings.preset.thinking
    _check_gpus(config.gpus)
    tokenizer = ModelTokenizer(model, revision, settings.preset.chat_template_kwargs)
    context = config.max_model_len or model_context(model, revision)
    closing_token = tokenizer.one_token(thinking.close) if thinking and tokenizer.one_token(thinking.open) else None
    arguments = config.arguments(on_cpu=not gpus(), revision=revision, max_model_len=context)
    if thinking and closing_token is not None:
        arguments["reasoning_config"] = {"reasoning_start_str": thinking.open, "reasoning_end_str": thinking.close}

    async def shared(owner: int) -> Backend:
        server = await stack.enter_async_context(lease(model, arguments, config, owner))
        backend = OpenAIBackend(server.base_url, MODEL_NAME, key=server.key, max_in_flight=config.waiting)
        await backend.check()
        return backend

    async def local() -> Backend:
        from rankk.llm.backends.vllm import VllmBackend

        return VllmBackend(model, arguments, config, tokenizer)

    start = local if engine_owner is None else partial(shared, engine_owner)
    engine = Engine(start, tokenizer, config.waiting)
    deciding = {name: arguments.get(name) for name in ("dtype", "quantization", "kv_cache_dtype")}
    return Connection(engine, tokenizer, context, closing_token, deciding)


def _check_gpus(wanted: int) -> None:
    """A GPU machine must show as many GPUs as the engine takes; a CPU machine runs one process."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() and len(visible.split(",")) < wanted:
        raise RankkError(
            f"the engine wants {wanted} GPUs (tensor × data parallel), this job sees CUDA_VISIBLE_DEVICES={visible}; "
            "ask the scheduler for as many (resources: gpu)"
        )

"""vLLM on this machine: in this process, or in a server that several jobs share."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, ClassVar

from pydantic import Field

from rankk.errors import RankkError
from rankk.llm.backends import Backend
from rankk.llm.connection import Connection, Model
from rankk.llm.engine_config import EngineConfig
from rankk.llm.tokenizers import ModelTokenizer, model_context
from rankk.llm.types import CallContext, Client, Completion, Prompt, Sampling
from rankk.provenance import gpus

ENGINE_PATIENCE = 10.0  # seconds without connections after which a shared engine is taken for dead
ENGINE_SECONDS = 6 * 3600.0  # limit of a call that waits in a shared engine, which may be slow (CPU)


class Vllm(Backend):
    """A vLLM engine that this machine runs. It starts with the first call that has to be made."""

    name = "vllm"
    loads_model: ClassVar[bool] = True

    engine: EngineConfig = Field(default=EngineConfig(), description="how vLLM is started")

    @property
    def gpus(self) -> int:
        """GPUs that the engine takes."""
        return self.engine.gpus

    @asynccontextmanager
    async def connect(self, model: Model, engine_owner: int | None = None) -> AsyncIterator[Connection]:
        """An engine that has not started yet, with the model's own tokenizer."""
        config, thinking = self.engine, model.thinking
        _check_gpus(config.gpus)
        tokenizer = ModelTokenizer(model.path, model.revision, model.chat_template_kwargs)
        context = config.max_model_len or model_context(model.path, model.revision)
        closing_token = tokenizer.one_token(thinking.close) if thinking and tokenizer.one_token(thinking.open) else None
        arguments = config.arguments(on_cpu=not gpus(), revision=model.revision, max_model_len=context)
        if thinking and closing_token is not None:
            arguments["reasoning_config"] = {"reasoning_start_str": thinking.open, "reasoning_end_str": thinking.close}
        deciding = {name: arguments.get(name) for name in ("dtype", "quantization", "kv_cache_dtype")}

        async def in_process() -> Client:
            from rankk.llm.vllm_client import VllmClient

            return VllmClient(model.path, arguments, config, tokenizer)

        async def in_server(owner: int) -> Client:
            from rankk.llm.openai_client import OpenAIClient
            from rankk.llm.room import following
            from rankk.llm.server import MODEL_NAME, lease

            server = await stack.enter_async_context(lease(model.path, arguments, config, owner))
            client = OpenAIClient(
                server.base_url,
                MODEL_NAME,
                key=server.key,
                in_flight=config.waiting,
                patience=ENGINE_PATIENCE,
                attempt_seconds=ENGINE_SECONDS,
            )
            await client.check()
            return await following(client)

        async with AsyncExitStack() as stack:
            start = in_process if engine_owner is None else lambda: in_server(engine_owner)
            engine = LateEngine(start, tokenizer, config.waiting)
            stack.push_async_callback(engine.close)
            yield Connection(engine, tokenizer, context, closing_token, deciding)


class LateEngine:
    """Renders prompts to text for an engine that starts with the first of them.

    A journal that holds every answer therefore costs no engine start. The chat template is applied here, whichever
    way the engine runs. A start that fails is every waiting call's BackendError.
    """

    def __init__(self, start: Callable[[], Awaitable[Client]], tokenizer: ModelTokenizer, max_in_flight: int) -> None:
        self._start, self._tokenizer = start, tokenizer
        self.max_in_flight = max_in_flight
        self.start_seconds = 0.0
        self._starting: asyncio.Task[Client] | None = None
        self._client: Client | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The client's, and how long the engine took to start; 0 where no call needed it."""
        facts = self._client.facts if self._client else {}
        return {"engine_start_seconds": round(self.start_seconds, 3), **facts}

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        """One completion of the rendered prompt."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._started())
        client = await asyncio.shield(self._starting)
        return await client.complete(Prompt(text=self._tokenizer.render(prompt)), sampling, call)

    async def _started(self) -> Client:
        began = time.monotonic()
        self._client = await self._start()
        self.start_seconds = time.monotonic() - began
        return self._client

    async def close(self) -> None:
        """End the engine, or its start."""
        if self._starting is None:
            return
        if not self._starting.done():
            self._starting.cancel()
        (outcome,) = await asyncio.gather(self._starting, return_exceptions=True)
        if not isinstance(outcome, BaseException):
            await outcome.close()


def _check_gpus(wanted: int) -> None:
    """A GPU machine must show as many GPUs as the engine takes; a CPU machine runs one process."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() and len(visible.split(",")) < wanted:
        raise RankkError(
            f"the engine wants {wanted} GPUs (tensor × data parallel), this job sees CUDA_VISIBLE_DEVICES={visible}; "
            "ask the scheduler for as many (resources: gpu)"
        )

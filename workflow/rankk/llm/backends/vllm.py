"""vLLM on this machine: in this process, or in a server that several jobs share."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from rankk.errors import BackendError, RankkError
from rankk.io.files import read_json
from rankk.llm.backends import Backend
from rankk.llm.connection import Connection, Model
from rankk.llm.engine_config import EngineConfig
from rankk.llm.tokenizers import ModelTokenizer, model_context
from rankk.llm.types import CallContext, Client, Completion, Prompt, Sampling
from rankk.progress import READING, WAITING, tell
from rankk.provenance import gpus

ENGINE_PATIENCE = 10.0  # seconds without connections after which a shared engine is considered dead
NO_ADAPTER = "none"
TOKEN_ID = "token_id:"  # prefix of token ids, by which the engine names tokens
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # for which vLLM has room
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

    def adapter(self, default: str | None) -> str | None:
        """The engine's own adapter, or the default."""
        chosen = self.engine.lora or default
        return None if chosen == NO_ADAPTER else chosen

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
        deciding |= {"lora": model.lora} if model.lora else {}
        keep_tags = thinking is not None and tokenizer.hides(thinking.close)

        async def in_process() -> Client:
            from rankk.llm.vllm_client import VllmClient

            lora = await asyncio.to_thread(lora_files, model)
            return VllmClient(model.path, arguments, config, tokenizer, lora=lora, skip_special_tokens=not keep_tags)

        async def in_server(owner: int) -> Client:
            from rankk.llm.openai_client import OpenAIClient
            from rankk.llm.room import following
            from rankk.llm.server import ADAPTER_NAME, MODEL_NAME, lease

            lora = await asyncio.to_thread(lora_files, model)
            adapted = {} if lora is None else lora_arguments(lora) | {"lora_modules": f"{ADAPTER_NAME}={lora}"}
            server = await stack.enter_async_context(lease(model.path, arguments | adapted, config, owner))
            client = OpenAIClient(
                server.base_url,
                ADAPTER_NAME if lora else MODEL_NAME,
                own_engine={"return_tokens_as_token_ids": True, "skip_special_tokens": not keep_tags},
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
        completion = await client.complete(Prompt(text=self._tokenizer.render(prompt)), sampling, call)
        return self._in_words(completion) if completion.first_logprobs else completion

    def _in_words(self, completion: Completion) -> Completion:
        """The completion with alternatives named by their text, where the engine names them by their ids."""
        words: dict[str, float] = {}
        for token, value in (completion.first_logprobs or {}).items():
            text = self._tokenizer.text_of(int(token.removeprefix(TOKEN_ID)))
            words[text] = max(value, words.get(text, value))
        return replace(completion, first_logprobs=words)

    async def _started(self) -> Client:
        began = time.monotonic()
        tell(WAITING)  # replaces the cell's "0 of N calls"
        self._client = await self._start()
        self.start_seconds = time.monotonic() - began
        tell(READING)
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


def lora_files(model: Model) -> str | None:
    """The folder of the model's adapter, fetched from the hub where it is no folder; None where it has none."""
    if model.lora is None:
        return None
    folder = model.lora_files or model.lora
    if Path(folder).is_dir():
        return folder
    from huggingface_hub import snapshot_download

    try:
        return str(snapshot_download(folder))
    except Exception as error:  # any error of the hub's client
        reason = " ".join(str(error).split())[:200]
        raise BackendError(f"adapter {folder}: no such folder, and not to be had from the hub ({reason})") from None


def lora_arguments(folder: str) -> dict[str, Any]:
    """vLLM's arguments that make room for an adapter. BackendError where the folder holds none."""
    try:
        rank = int(read_json(Path(folder, "adapter_config.json"))["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackendError(f"adapter {folder}: its adapter_config.json tells no rank ({error!r:.200})") from None
    if rank > LORA_RANKS[-1]:
        raise BackendError(f"adapter {folder}: rank {rank} is above {LORA_RANKS[-1]}, vLLM's limit; merge it")
    return {"enable_lora": True, "max_lora_rank": next(size for size in LORA_RANKS if size >= rank)}


def _check_gpus(wanted: int) -> None:
    """Check that the machine has as many GPUs as the engine needs; a machine without GPUs runs one process."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() and len(visible.split(",")) < wanted:
        raise RankkError(
            f"the engine wants {wanted} GPUs (tensor × data parallel), this job sees CUDA_VISIBLE_DEVICES={visible}; "
            "ask the scheduler for as many (resources: gpu)"
        )

"""From settings to a running backend, with what is known of its tokens and context."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rankk.errors import RankkError
from rankk.reranking.backends.openai import OpenAIBackend
from rankk.reranking.backends.replay import ReplayBackend
from rankk.reranking.backends.server import MODEL_NAME, lease
from rankk.reranking.settings import Settings
from rankk.reranking.tokenizers import CharacterCounter, ModelTokenizer, TokenCounter
from rankk.reranking.types import Backend, Completion, Prompt, Sampling


@dataclass(frozen=True)
class Connection:
    """A backend ready for calls. `context`: tokens of prompt and answer together, None where nobody told."""

    backend: Backend | ReplayBackend
    counter: TokenCounter
    context: int | None
    facts: dict[str, Any] = field(default_factory=dict)


class Rendered:
    """Hands a backend the rendered text, so that the chat template is applied in one place."""

    def __init__(self, backend: Backend, tokenizer: ModelTokenizer) -> None:
        self._backend, self._tokenizer = backend, tokenizer
        self.max_in_flight = backend.max_in_flight

    async def complete(self, prompt: Prompt, sampling: Sampling, *, priority: int = 0) -> Completion:
        """One completion of the rendered prompt."""
        return await self._backend.complete(Prompt(text=self._tokenizer.render(prompt)), sampling, priority=priority)

    async def close(self) -> None:
        """Close the backend."""
        await self._backend.close()


@asynccontextmanager
async def connect(settings: Settings, model: str, engine_owner: int | None) -> AsyncIterator[Connection]:
    """The backend that the settings name, closed at the end. `model`: id or folder.

    vLLM runs in this process, or in a server shared with other cells where `engine_owner` (a process id) is given.
    """
    reranker = settings.reranker
    if reranker.backend == "replay":
        yield Connection(ReplayBackend(reranker.responses or ""), CharacterCounter(), None, {"tokens": "not counted"})
        return
    async with AsyncExitStack() as stack:
        if reranker.backend == "openai":
            connection = await _openai(settings, model)
        else:
            connection = await _vllm(settings, model, engine_owner, stack)
        stack.push_async_callback(connection.backend.close)
        yield replace(connection, facts={"tokens": connection.counter.kind, "context": connection.context})


async def _openai(settings: Settings, model: str) -> Connection:
    backend = OpenAIBackend(settings.reranker.base_url or "", model, template=settings.preset.chat_template_kwargs)
    await backend.check()
    counter: TokenCounter = ModelTokenizer(model) if Path(model).is_dir() else CharacterCounter()
    return Connection(backend, counter, backend.context)


async def _vllm(settings: Settings, model: str, engine_owner: int | None, stack: AsyncExitStack) -> Connection:
    config, revision = settings.reranker.engine, settings.reranker.revision
    _check_gpus(config.gpus)
    tokenizer = ModelTokenizer(model, revision, settings.preset.chat_template_kwargs)
    if engine_owner is None:
        from rankk.reranking.backends.vllm import VllmBackend

        local = VllmBackend(model, revision, config, tokenizer)
        return Connection(Rendered(local, tokenizer), tokenizer, local.context)
    server = stack.enter_context(lease(model, revision, config, engine_owner))
    remote = OpenAIBackend(server.base_url, MODEL_NAME, key=server.key, max_in_flight=config.max_num_seqs)
    await remote.check()
    return Connection(Rendered(remote, tokenizer), tokenizer, remote.context)


def _check_gpus(wanted: int) -> None:
    """A GPU machine must show as many GPUs as the engine takes; a CPU machine runs one process."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() and len(visible.split(",")) < wanted:
        raise RankkError(
            f"the engine wants {wanted} GPUs (tensor × data parallel), this job sees CUDA_VISIBLE_DEVICES={visible}; "
            "ask the scheduler for as many (resources: gpu)"
        )

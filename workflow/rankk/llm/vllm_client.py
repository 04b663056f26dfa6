"""vLLM in this process (AsyncLLM): rendered prompts in, every sampling field explicit."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from rankk.errors import BackendError
from rankk.llm.answers import finish_reason
from rankk.llm.backends.vllm import lora_arguments
from rankk.llm.engine_config import EngineConfig
from rankk.llm.tokenizers import ModelTokenizer
from rankk.llm.types import CallContext, Completion, Prompt, Sampling
from rankk.provenance import gpus


class VllmClient:
    """An engine in this process. Raises BackendError where vLLM is not installed or the engine does not start."""

    def __init__(
        self,
        model: str,
        arguments: Mapping[str, Any],
        config: EngineConfig,
        tokenizer: ModelTokenizer,
        *,
        lora: str | None = None,
        skip_special_tokens: bool = True,
    ) -> None:
        os.environ.update(config.environment(on_cpu=not gpus()))
        if Path(model).exists():
            os.environ["HF_HUB_OFFLINE"] = "1"
        try:
            with interruptible():
                from vllm.engine.arg_utils import AsyncEngineArgs
                from vllm.lora.request import LoRARequest
                from vllm.v1.engine.async_llm import AsyncLLM

                adapted = lora_arguments(lora) if lora else {}
                self._lora = LoRARequest("adapter", 1, lora) if lora else None
                self._engine: Any = AsyncLLM.from_engine_args(AsyncEngineArgs(model=model, **arguments, **adapted))
        except ImportError as error:
            raise BackendError(f"vLLM is not installed here ({error}); use the environment that has it") from None
        except (RuntimeError, ValueError, OSError) as error:
            raise BackendError(f"model {model}: the engine does not start: {error}") from error
        self._tokenizer = tokenizer
        self._skip_special_tokens = skip_special_tokens
        self._numbers = count()
        self.max_in_flight = config.waiting

    @property
    def facts(self) -> dict[str, Any]:
        """Empty: everything is part of the settings."""
        return {}

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        """One completion of a rendered prompt (`prompt.text`). Alternatives are named by the ids of their tokens."""
        from vllm import SamplingParams, TokensPrompt

        parameters = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            repetition_penalty=sampling.repetition_penalty,
            max_tokens=sampling.max_tokens,
            stop=list(sampling.stop),
            seed=sampling.seed,
            logprobs=sampling.logprobs or None,
            thinking_token_budget=sampling.thinking_budget,
            skip_special_tokens=self._skip_special_tokens,
        )
        started = time.monotonic()
        ids = self._tokenizer.ids(prompt.text)
        last: Any = None
        number = str(next(self._numbers))
        async for state in self._engine.generate(
            TokensPrompt(prompt_token_ids=ids), parameters, number, priority=call.priority, lora_request=self._lora
        ):
            last = state  # each output contains all tokens so far
        output = last.outputs[0]
        first = output.logprobs[0] if output.logprobs else None
        times = last.metrics  # the engine's clock; 0: not told
        told = bool(times and times.queued_ts and times.scheduled_ts and times.last_token_ts)
        return Completion(
            text=output.text,
            finish_reason=finish_reason(output.finish_reason),
            prompt_tokens=len(ids),
            output_tokens=len(output.token_ids),
            first_logprobs={str(token): entry.logprob for token, entry in first.items()} if first else None,
            seconds=time.monotonic() - started,
            waited=times.scheduled_ts - times.queued_ts if told else None,
            computed=times.last_token_ts - times.scheduled_ts if told else None,
            token_ids=tuple(output.token_ids) if sampling.thinking_budget is not None else (),
        )

    async def close(self) -> None:
        """Stop the engine and its processes."""
        self._engine.shutdown()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a start that keeps the event loop from seeing them; other threads get no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

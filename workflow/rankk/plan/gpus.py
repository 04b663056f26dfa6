"""GPUs that speeds were measured on, and the models' shapes that the speeds are scaled to."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from rankk.llm.engine_config import EngineConfig

GIB = 2**30


@dataclass(frozen=True)
class Gpu:
    """A GPU as measured with Qwen2.5-32B's shape (benchmarks/README.md).

    `gib`: its memory. `step_ms`: milliseconds of a decoding step by calls in flight, with contexts of `CONTEXT` tokens.
    `cache_bytes_a_ms`: KV cache that a step reads in a millisecond. `tflops`: its maker's, bfloat16 without sparsity.
    The fp8 fields are of FP8 weights, the last one of an FP8 cache.
    """

    gib: float
    step_ms: Mapping[int, float]
    fp8_step_ms: Mapping[int, float]
    prefill_ms: float
    fp8_prefill_ms: float
    cache_bytes_a_ms: float
    fp8_cache_bytes_a_ms: float
    tflops: float


CONTEXT = 90
"""Context tokens per call when the steps were measured."""
H200_STEP_MS = {1: 17.5, 16: 17.5, 32: 18.8, 64: 19.4, 96: 20.8, 128: 22.1, 192: 30.0, 256: 35.7}
H200_FP8_STEP_MS = {1: 10.9, 16: 10.9, 32: 13.7, 64: 12.7, 96: 15.1, 128: 16.3, 192: 23.7, 256: 25.4}
H100_STEP_MS = {1: 24.9, 16: 25.9, 32: 25.9, 64: 27.1, 96: 28.4, 128: 29.7, 192: 33.8, 256: 37.3}
FP8_SHARE = {calls: H200_FP8_STEP_MS[calls] / ms for calls, ms in H200_STEP_MS.items()}
GPUS = {
    "h100": Gpu(
        79.2,
        H100_STEP_MS,
        {calls: ms * FP8_SHARE[calls] for calls, ms in H100_STEP_MS.items()},  # not measured: the H200's shares
        0.102,
        0.059,
        2.5e9,
        1.8e9,
        989,
    ),
    "h200": Gpu(139.8, H200_STEP_MS, H200_FP8_STEP_MS, 0.1, 0.059, 3.0e9, 2.1e9, 989),
}
SPLIT_EXPONENT = 0.76
"""Two H100s that hold one copy together compute 1.69 = 2^0.76 times as fast as one; more are taken to follow that."""
HOST_STEP_MS, HOST_PROMPT_MS = 2.4, 0.01
"""The least that a decoding step and a token of a prompt take, however small the model: vLLM's own work on the host and
the client's. Chosen for five cells of models of 135 million parameters on an H100 (benchmarks/README.md)."""
OVERHEAD_GIB = 1.2
"""Of each GPU: activations and CUDA graphs, measured 0.9 to 2."""


@dataclass(frozen=True)
class Shape:
    """Billions of parameters, bytes of KV cache a token (16 bits), and the mean length of an answer in tokens.

    `lora`: millions of parameters that a LoRA adapter on all linear layers has for each rank. `embeddings`: billions of
    parameters that stay in 16 bits where the others are quantized. `published_gib`: memory of weights that are
    published in fewer than 16 bits.
    """

    parameters: float
    kv_bytes: int
    answer_tokens: int
    lora: float = 0.0
    embeddings: float = 0.0
    published_gib: float | None = None

    def adapter_parameters(self, rank: int) -> float:
        """Billions of parameters of an adapter."""
        return self.lora * rank / 1e3

    def weights_gib(self, *, fp8: bool = False, fp32: bool = False) -> float:
        """Memory of the weights as published, or in FP8 or 32 bits."""
        if self.published_gib is not None:
            return self.published_gib
        if fp32:
            return 4 * self.parameters * 1e9 / GIB
        return (self.parameters + (self.embeddings if fp8 else self.parameters)) * 1e9 / GIB


# A layer's linear maps (in + out): q and o 5120 ↔ 5120, k and v 5120 → 1024, gate, up and down 5120 ↔ 27648.
QWEN_32B = Shape(
    parameters=32.8,
    kv_bytes=64 * 2 * 8 * 128 * 2,
    answer_tokens=2400,
    lora=64 * (2 * 10240 + 2 * 6144 + 3 * 32768) / 1e6,
    embeddings=2 * 152064 * 5120 / 1e9,
)
QWEN_7B = Shape(7.6, 28 * 2 * 4 * 128 * 2, 600, embeddings=2 * 152064 * 3584 / 1e9)
QWEN3_600M = Shape(0.6, 28 * 2 * 8 * 128 * 2, 1500, embeddings=151936 * 1024 / 1e9)
QWEN3_4B = Shape(4.0, 36 * 2 * 8 * 128 * 2, 1500, embeddings=151936 * 2560 / 1e9)
QWEN3_8B = Shape(8.2, 36 * 2 * 8 * 128 * 2, 1500, embeddings=2 * 151936 * 4096 / 1e9)
QWEN3_32B = Shape(32.8, 64 * 2 * 8 * 128 * 2, 1500, embeddings=2 * 151936 * 5120 / 1e9)
SHAPES = {
    "hltcoe/Rank-K-32B": QWEN_32B,  # its paper's mean length
    "Qwen/QwQ-32B": QWEN_32B,
    "castorini/rank_zephyr_7b_v1_full": Shape(7.2, 32 * 2 * 8 * 128 * 2, 110, embeddings=2 * 32000 * 4096 / 1e9),
    "jhu-clsp/rank1-7b": QWEN_7B,
    "liuwenhan/reasonrank-7B": QWEN_7B,
    "liuwenhan/reasonrank-32B": replace(QWEN_32B, answer_tokens=600),
    "liuwenhan/reasonrank-8B": replace(QWEN3_8B, answer_tokens=600),
    "Qwen/Qwen3-Reranker-0.6B": replace(QWEN3_600M, answer_tokens=1),
    "Qwen/Qwen3-Reranker-4B": replace(QWEN3_4B, answer_tokens=1),
    "Qwen/Qwen3-Reranker-8B": replace(QWEN3_8B, answer_tokens=1),
    "Qwen/Qwen3-0.6B": QWEN3_600M,
    "Qwen/Qwen3-4B": QWEN3_4B,
    "Qwen/Qwen3-8B": QWEN3_8B,
    "Qwen/Qwen3-32B": QWEN3_32B,
    "Qwen/Qwen2.5-7B-Instruct": replace(QWEN_7B, answer_tokens=300),
    "Qwen/Qwen2.5-14B-Instruct": Shape(14.8, 48 * 2 * 8 * 128 * 2, 300, embeddings=2 * 152064 * 5120 / 1e9),
    "castorini/first_mistral": Shape(7.2, 32 * 2 * 8 * 128 * 2, 1, embeddings=2 * 32768 * 4096 / 1e9),
    "castorini/first_qwen3_0.6b": replace(QWEN3_600M, answer_tokens=1),
    "le723z/Rearank-7B": QWEN_7B,
    "AQ-MedAI/Diver-GroupRank-7B": QWEN_7B,
    "AQ-MedAI/Diver-GroupRank-32B": replace(QWEN_32B, answer_tokens=600),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": replace(QWEN_7B, answer_tokens=2000),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": QWEN_32B,
    "deepseek-ai/DeepSeek-V3.1": Shape(671, 61 * (512 + 64) * 2, 2000, published_gib=641),
    "openai/gpt-oss-20b": Shape(20.9, 24 * 2 * 8 * 64 * 2, 1000, published_gib=12.8),
    "HuggingFaceTB/SmolLM2-135M-Instruct": Shape(0.135, 30 * 2 * 3 * 64 * 2, 90),
    "qwen2.5-coder-0.5b": Shape(0.494, 24 * 2 * 2 * 64 * 2, 105),  # rankk-mini's grades and order
    "openai/gpt-oss-120b": Shape(116.8, 36 * 2 * 8 * 64 * 2, 1000, published_gib=60.8),
}
"""Shapes from the models' published configurations; lengths are guesses, those of Rank-K and of the two
smallest models apart."""
GPU_GIB = (8, 12, 16, 24, 32, 40, 48, 80, 141)
"""Memory sizes of common GPUs."""
SENSIBLE_CALLS = 8
"""Calls in flight that should fit into a GPU's memory."""


def sensible_gpu(shape: Shape, context: int) -> str:
    """The smallest GPU, or the fewest large ones, with room for the weights and a few calls of `context` tokens."""
    needed = shape.weights_gib() + SENSIBLE_CALLS * context * shape.kv_bytes / GIB
    for number, sizes in ((1, GPU_GIB), *((number, GPU_GIB[-2:]) for number in (2, 4, 8))):
        for gib in sizes:
            if number * (gib * EngineConfig().gpu_memory_utilization - OVERHEAD_GIB) >= needed:
                return f"{gib} GiB" if number == 1 else f"{number} × {gib} GiB"
    return f"{needed:.0f} GiB in all"


@dataclass(frozen=True)
class Engine:
    """Speed and memory of a vLLM engine: a GPU with a model's shape and the engine's settings."""

    gpu: Gpu
    shape: Shape
    config: EngineConfig

    @property
    def fp8(self) -> bool:
        """Whether the weights are quantized."""
        return self.config.quantization == "fp8"

    @property
    def fp8_cache(self) -> bool:
        """Whether the KV cache is quantized."""
        return self.config.kv_cache_dtype.startswith("fp8")

    @property
    def fp32(self) -> bool:
        """Whether weights have 32 bits, and the KV cache where it is not quantized."""
        return self.config.dtype == "float32"

    @property
    def cache_bytes(self) -> float:
        """Bytes of KV cache a token."""
        return self.shape.kv_bytes * (0.5 if self.fp8_cache else 2.0 if self.fp32 else 1.0)

    @property
    def cache_tokens(self) -> int:
        """Tokens that the KV cache of one copy of the model holds; negative where the weights alone do not fit."""
        usable = self.gpu.gib * self.config.gpu_memory_utilization - OVERHEAD_GIB
        free = usable * self.config.tensor_parallel - self.shape.weights_gib(fp8=self.fp8, fp32=self.fp32)
        return int(free * GIB / self.cache_bytes)

    def step_ms(self, in_flight: float, context: float) -> float:
        """Milliseconds of a decoding step of one copy. `context`: tokens of all its calls in flight together."""
        return self._weights_ms(in_flight) + max(0.0, context - CONTEXT * in_flight) * self._read_ms

    @cached_property
    def _weights_ms(self) -> Callable[[float], float]:
        """The part of a step that does not depend on the length of contexts, by calls in flight (cached)."""
        measured = self.gpu.fp8_step_ms if self.fp8 else self.gpu.step_ms
        return cache(lambda in_flight: max(HOST_STEP_MS, between(measured, in_flight) * self._scale))

    @cached_property
    def _read_ms(self) -> float:
        """Milliseconds that the cache of one token of context takes to read."""
        speed = self.gpu.fp8_cache_bytes_a_ms if self.fp8_cache else self.gpu.cache_bytes_a_ms
        return self.cache_bytes / speed / self.config.tensor_parallel

    def prefill_ms(self, prompt: float) -> float:
        """Milliseconds that one copy takes for a prompt of so many tokens."""
        measured = self.gpu.fp8_prefill_ms if self.fp8 else self.gpu.prefill_ms
        return prompt * max(HOST_PROMPT_MS, measured * self._scale)

    @property
    def _scale(self) -> float:
        """Time of a step without reading the cache, relative to that of the measured model on one GPU."""
        scale: float = self.shape.parameters / QWEN_32B.parameters / self.config.tensor_parallel**SPLIT_EXPONENT
        return scale


def between(measured: Mapping[int, float], number: float) -> float:
    """Linear interpolation between measured values; extrapolated beyond the last one."""
    numbers = sorted(measured)
    position = min(max(bisect_left(numbers, number), 1), len(numbers) - 1)
    below, above = numbers[position - 1], numbers[position]
    share = max(0.0, number - below) / (above - below)
    return measured[below] + share * (measured[above] - measured[below])


def check_gpu(name: str) -> str:
    """A name in `GPUS`."""
    if name not in GPUS:
        known = {"known": ", ".join(GPUS)}
        raise PydanticCustomError("gpu", "no speeds were measured on it; expected one of {known}", known)
    return name


GpuName = Annotated[str, AfterValidator(check_gpu), Field(json_schema_extra={"enum": list(GPUS)})]

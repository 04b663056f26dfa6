"""How vLLM is started. No heavy imports: configuration files are checked with it."""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PositiveInt

from rankk.config.base import Strict, cosmetic
from rankk.llm.types import MOST_LOGPROBS

QUEUE_SHARE = 1.25

Quantization = Literal[
    "awq", "auto_awq", "fp8", "fbgemm_fp8", "fp_quant", "modelopt", "modelopt_fp4", "modelopt_mxfp8", "modelopt_mixed",
    "auto_gptq", "gptq", "gptq_marlin", "awq_marlin", "humming", "compressed-tensors", "experts_int8", "quark",
    "moe_wna16", "torchao", "inc", "mxfp4", "gpt_oss_mxfp4", "deepseek_v4_fp8", "online", "fp8_per_tensor",
    "fp8_per_block", "fp8_per_channel", "int8_per_channel_weight_only", "nvfp4_per_token", "mxfp8",
]  # fmt: skip
CacheType = Literal[
    "auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2", "fp8_inc", "fp8_ds_mla", "nvfp4_ds_mla",
    "turboquant_k8v4", "turboquant_4bit_nc", "turboquant_k3v4_nc", "turboquant_3bit_nc", "ultraquant_4bit",
    "int4_per_token_head", "int8_per_token_head", "fp8_per_token_head", "nvfp4", "nvfp4_4over6",
]  # fmt: skip
"""As vLLM 0.32.0, which envs/ pins, names them (QuantizationMethods, CacheDType)."""

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Flags with which Linux marks processors that multiply in bfloat16; others emulate it slowly."""


def cpu_type() -> Literal["bfloat16", "float32"]:
    """The fastest data type of this machine's CPU."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return "float32"
    return "bfloat16" if flags & BFLOAT16_FLAGS else "float32"


class NgramSpeculation(Strict):
    """Speculative decoding from n-grams of the prompt: reasoning quotes what it reads."""

    tokens: PositiveInt = Field(default=4, description="tokens guessed at once")
    longest: PositiveInt = Field(default=4, description="longest n-gram looked up")
    shortest: PositiveInt = Field(default=2, description="shortest n-gram looked up")


class EngineConfig(Strict):
    """Settings of a vLLM engine that a reranker's cells share. Those of memory and speed make no job run again."""

    tensor_parallel: PositiveInt = cosmetic(default=1, description="GPUs that hold one copy of the model together")
    data_parallel: PositiveInt = cosmetic(default=1, description="copies of the model")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] | None = Field(
        default=None,
        description="default: auto on a GPU; on a CPU bfloat16 where its vector unit computes in it, else float32",
    )
    quantization: Quantization | None = Field(default=None, description="as vLLM names it, e.g. fp8")
    kv_cache_dtype: CacheType = Field(default="auto", description="as vLLM names it, e.g. fp8")
    lora: str | None = Field(
        default=None,
        description="folder or hub id of a LoRA adapter of the model; default: the preset's; none: without",
    )
    max_model_len: PositiveInt | None = Field(default=None, description="context in tokens; default: the model's own")
    max_num_seqs: PositiveInt = cosmetic(default=256, description="sequences decoded at once")
    gpu_memory_utilization: float = cosmetic(default=0.9, gt=0, le=1, description="share of a GPU's memory for vLLM")
    enable_prefix_caching: bool = cosmetic(
        default=True, description="reuse the KV cache of equal beginnings of prompts"
    )
    speculative: NgramSpeculation | None = cosmetic(default=None, description="speculative decoding; left out: none")
    load_format: Literal["auto", "dummy"] = Field(default="auto", description="dummy: random weights (benchmarks)")
    cpu_kv_cache_gib: PositiveInt = cosmetic(default=1, description="CPU only: memory for the KV cache")

    @property
    def gpus(self) -> int:
        """GPUs that the engine takes."""
        return self.tensor_parallel * self.data_parallel

    @property
    def waiting(self) -> int:
        """Number of calls to send at once; some wait in the engine so that free slots are filled immediately."""
        return int(self.max_num_seqs * QUEUE_SHARE)

    def arguments(self, *, on_cpu: bool, revision: str | None, max_model_len: int) -> dict[str, Any]:
        """vLLM's engine arguments, as its EngineArgs and its command line name them; nothing is left to a default."""
        arguments: dict[str, Any] = {
            "revision": revision,
            "tokenizer_revision": revision,
            "tensor_parallel_size": self.tensor_parallel,
            "data_parallel_size": self.data_parallel,
            "dtype": self.dtype or (cpu_type() if on_cpu else "auto"),
            "quantization": self.quantization,
            "kv_cache_dtype": self.kv_cache_dtype,
            "max_model_len": max_model_len,
            "max_num_seqs": self.max_num_seqs,
            "enable_prefix_caching": self.enable_prefix_caching,
            "load_format": self.load_format,
            "max_logprobs": MOST_LOGPROBS,
            "enforce_eager": on_cpu,  # compiled CPU code generated wrong text in bfloat16
            "scheduling_policy": "priority",
            "generation_config": "vllm",  # sampling must not depend on the model's generation_config.json
            "trust_remote_code": False,
            "seed": 0,
        }
        if not on_cpu:
            arguments["gpu_memory_utilization"] = self.gpu_memory_utilization
        elif self.gpus == 1:
            # The model in the engine's own process: a process less to start, and none that spins while it waits.
            arguments["distributed_executor_backend"] = "uni"
        if self.speculative:
            arguments["speculative_config"] = {
                "method": "ngram",
                "num_speculative_tokens": self.speculative.tokens,
                "prompt_lookup_max": self.speculative.longest,
                "prompt_lookup_min": self.speculative.shortest,
            }
        return {name: value for name, value in arguments.items() if value is not None}

    def environment(self, *, on_cpu: bool) -> dict[str, str]:
        """Environment variables that vLLM reads."""
        if not on_cpu:
            return {}
        cores = sorted(os.sched_getaffinity(0))
        return {
            "VLLM_CPU_KVCACHE_SPACE": str(self.cpu_kv_cache_gib),
            "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, cores)),
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # with which vLLM accepts one process for engine and model
            # Snakemake limits the threads of a job's libraries, which does not apply to the engine.
            "OMP_NUM_THREADS": str(len(cores)),
            "MKL_NUM_THREADS": str(len(cores)),
        }

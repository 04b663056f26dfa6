"""How fast attention kernels read the KV cache while decoding, against the card's memory: what the roofline leaves.

python benchmarks/attention.py --in-flight 16 64 128

The heads are those of Qwen2.5-32B. The XQA kernels, which vLLM 0.32 can use on an H100 or H200, come from flashinfer;
they are left out where it is not installed.
"""

import argparse
import importlib.util
from collections.abc import Callable

import torch
from common import report

HEADS, KV_HEADS, SIZE, PAGE = 40, 8, 128, 32
LAYERS = 64
COPIES = 4
"""Caches that are read in turn, so that none is still in the L2 cache."""
REPEATS = 20


class Cache:
    """Paged keys and values of calls in flight that all have the same context."""

    def __init__(self, calls: int, context: int, dtype: torch.dtype) -> None:
        pages = -(-context // PAGE)
        self.calls, self.context = calls, context
        drawn = torch.randn(2, calls * pages, PAGE, KV_HEADS, SIZE, device="cuda", dtype=torch.bfloat16)
        self.keys, self.values = drawn.to(dtype)
        self.table = torch.randperm(calls * pages, device="cuda", dtype=torch.int32).reshape(calls, pages)
        self.lengths = torch.full((calls,), context, device="cuda", dtype=torch.int32)
        self.queries = torch.randn(calls, HEADS, SIZE, device="cuda", dtype=torch.bfloat16)
        self.output = torch.empty_like(self.queries)

    @property
    def bytes(self) -> int:
        """Bytes of keys and values that a decoding step reads."""
        return int(2 * self.calls * self.context * KV_HEADS * SIZE * self.keys.element_size())


Kernel = Callable[[Cache], Callable[[], object]]
"""Prepares what a kernel needs to read a cache; the result runs it once."""


def flash_attention(cache: Cache) -> Callable[[], object]:
    """FlashAttention 3 as vLLM's FLASH_ATTN backend calls it; with an FP8 cache the queries are FP8 as well."""
    from vllm.vllm_flash_attn import flash_attn_varlen_func, get_scheduler_metadata

    low = cache.keys.dtype != torch.bfloat16
    queries = cache.queries.to(cache.keys.dtype) if low else cache.queries
    scale = torch.ones(cache.calls, KV_HEADS, device="cuda") if low else None
    starts = torch.arange(cache.calls + 1, device="cuda", dtype=torch.int32)
    schedule = get_scheduler_metadata(
        batch_size=cache.calls,
        max_seqlen_q=1,
        max_seqlen_k=cache.context,
        num_heads_q=HEADS,
        num_heads_kv=KV_HEADS,
        headdim=SIZE,
        cache_seqlens=cache.lengths,
        qkv_dtype=cache.keys.dtype,
        cu_seqlens_q=starts,
        page_size=PAGE,
        causal=True,
    )
    return lambda: flash_attn_varlen_func(
        q=queries,
        k=cache.keys,
        v=cache.values,
        out=cache.output,
        cu_seqlens_q=starts,
        max_seqlen_q=1,
        seqused_k=cache.lengths,
        max_seqlen_k=cache.context,
        softmax_scale=SIZE**-0.5,
        causal=True,
        block_table=cache.table,
        scheduler_metadata=schedule,
        q_descale=scale,
        k_descale=scale,
        v_descale=scale,
        fa_version=3,
    )


def xqa(cache: Cache) -> Callable[[], object]:
    """XQA of flashinfer; queries stay in bfloat16."""
    from flashinfer.xqa import xqa as kernel

    workspace = torch.zeros(256 << 20, device="cuda", dtype=torch.uint8)
    semaphores = torch.zeros(1 << 20, device="cuda", dtype=torch.uint32)
    lengths = cache.lengths.to(torch.uint32).reshape(-1, 1)
    queries, output = cache.queries.unsqueeze(1), cache.output.unsqueeze(1)
    return lambda: kernel(
        queries, cache.keys, cache.values, cache.table, lengths, output, workspace, semaphores, KV_HEADS, PAGE
    )


def kernels() -> dict[str, Kernel]:
    """The kernels that are installed."""
    named: dict[str, Kernel] = {"FlashAttention 3": flash_attention}
    if importlib.util.find_spec("flashinfer"):
        named["XQA"] = xqa
    return named


def milliseconds(works: list[Callable[[], object]]) -> float:
    """Mean time of a call; the works are called in turn."""
    for work in works:
        work()
    torch.cuda.synchronize()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(REPEATS):
        for work in works:
            work()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / REPEATS / len(works)


def main() -> None:
    """Every kernel with caches of both types."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, nargs="*", default=[16, 64, 128])
    parser.add_argument("--context", type=int, default=3720, help="tokens of a call")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for calls in options.in_flight:
        for dtype in (torch.bfloat16, torch.float8_e4m3fn):
            caches = [Cache(calls, options.context, dtype) for _ in range(COPIES)]
            outputs = {}
            for name, kernel in kernels().items():
                took = milliseconds([kernel(cache) for cache in caches])
                outputs[name] = caches[0].output.float().clone()
                rows.append({"kernel": name, "cache": str(dtype).removeprefix("torch."), "in flight": calls})
                rows[-1] |= {"ms a layer": took, "ms a step of 64 layers": LAYERS * took}
                rows[-1] |= {"TB/s": caches[0].bytes / took / 1e9}
                rows[-1] |= {"largest difference": float((outputs[name] - outputs["FlashAttention 3"]).abs().max())}
            del caches
    report("attention", rows)


if __name__ == "__main__":
    main()

"""What an experiment will cost before it runs: calls, tokens and GPU-hours, from measured speeds and stated guesses."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from rankk import paths
from rankk.corpora.files import FilesTopics, local
from rankk.experiment import Experiment
from rankk.io.trec import read_queries
from rankk.llm.backends.vllm import Vllm
from rankk.llm.engine_config import EngineConfig
from rankk.paths import Cell
from rankk.reranking.settings import resolve

STEP_MS = {1: 17.5, 16: 17.5, 32: 18.8, 64: 19.4, 96: 20.8, 128: 22.1, 192: 30.0, 256: 35.7}
"""Milliseconds of a decoding step by calls in flight: a 32B shape in bfloat16 on one H200 (benchmarks/README.md)."""
PREFILL_MS = 0.099
"""Milliseconds a prompt token, same engine."""
CACHE_BYTES_A_MS = 3.0e9
"""KV cache that its decoding steps read: what contexts of 2,000 tokens add to a step."""
FP8_SHARE = 0.65
"""Time with FP8 weights, of that in bfloat16, same engine: 0.59 a prompt, 0.62 to 0.77 a step."""
SPLIT_EXPONENT = 0.76
"""Two H100s that hold one copy together are 1.69 = 2^0.76 times as fast as one; more are taken to follow that power."""
GPU_GIB = 139  # of the H200
WEIGHT_BYTES = 2  # bfloat16
PROMPT_TOKENS = 250  # instructions, query and the passages' frames, in tokens
PASSAGE_TOKENS = 512  # a passage is taken to be no longer, wherever it may be cut
QUERIES = 50  # where nobody knows yet


@dataclass(frozen=True)
class Model:
    """Size in billions of parameters, bytes of KV cache a token (16 bits), and the length of an answer in tokens.

    `lora`: millions of parameters that a LoRA adapter on all linear layers has for each rank.
    """

    parameters: float
    kv_bytes: int
    answer_tokens: int
    lora: float = 0.0

    def adapter_parameters(self, rank: int) -> float:
        """Billions of parameters of an adapter."""
        return self.lora * rank / 1e3


# A layer's linear maps (in + out): q and o 5120 ↔ 5120, k and v 5120 → 1024, gate, up and down 5120 ↔ 27648.
QWEN_32B = Model(32.8, 64 * 2 * 8 * 128 * 2, 2400, 64 * (2 * 10240 + 2 * 6144 + 3 * 32768) / 1e6)
QWEN_7B = Model(7.6, 28 * 2 * 4 * 128 * 2, 600)
MODELS = {
    "hltcoe/Rank-K-32B": QWEN_32B,  # its paper's mean length
    "Qwen/QwQ-32B": QWEN_32B,
    "castorini/rank_zephyr_7b_v1_full": Model(7.2, 32 * 2 * 8 * 128 * 2, 110),
    "jhu-clsp/rank1-7b": QWEN_7B,
    "liuwenhan/reasonrank-7B": QWEN_7B,
}
"""Shapes from the models' configuration files; lengths are guesses but for Rank-K's."""

ASSUMPTIONS = """\
Assumed: passages as long as they may be (passage_tokens); answers of 2,400 tokens for 32B reasoning models, 600 for 7B
ones and 110 without reasoning, or the thinking budget where that is shorter; the worst case of calls where answers
decide. Speeds: measured with Qwen2.5-32B's shape on one H200 (benchmarks/README.md); the weights' part is scaled by
parameters, the KV cache's by its bytes. GPUs that hold one copy together (tensor_parallel) are 1.7 times as fast as
half as many, as measured with two; copies (data_parallel) share the calls. The calls in flight stay as many to the end:
where queries are no more than these, measured runs took 1.25 to 1.45 times as long. Engine starts and first stages are
not counted."""


@dataclass(frozen=True)
class Cost:
    """A cell's expected cost. Tokens in millions; `hours` of wall clock, None where the model's size is not known."""

    cell: Cell
    queries: int
    calls: int
    prompt_tokens: float
    output_tokens: float
    in_flight: int
    hours: float | None
    gpu_hours: float | None
    warning: str = ""


def costs(experiment: Experiment) -> Iterator[Cost]:
    """The reranked cells of an experiment, in the grid's order; stored answers (replay) cost nothing."""
    for cell in experiment.cells:
        if cell.reranked and experiment.rerankers[cell.reranker].backend.asks_model:
            yield cost(experiment, cell)


def cost(experiment: Experiment, cell: Cell) -> Cost:
    """One reranked cell's cost."""
    settings = resolve(experiment.rerankers[cell.reranker])
    reranker = settings.reranker
    queries = queries_of(experiment, cell.collection, cell.language)
    calls = queries * settings.strategy().calls(reranker.depth) * reranker.samples
    passages = min(settings.strategy().passages_per_call, reranker.depth)
    prompt = PROMPT_TOKENS + passages * min(settings.passage_tokens, PASSAGE_TOKENS)
    model = MODELS.get(settings.model)
    output = min(model.answer_tokens if model else settings.completion_tokens, settings.completion_tokens)
    millions = (calls * prompt / 1e6, calls * output / 1e6)
    if model is None or not isinstance(reranker.backend, Vllm):
        return Cost(cell, queries, calls, *millions, 0, None, None)
    engine = reranker.backend.engine
    in_flight, warning = capacity(engine, model, prompt + output)
    strategy = settings.strategy()
    side_by_side = ceil(strategy.calls(reranker.depth) / max(1, strategy.longest_chain(reranker.depth)))
    in_flight = max(1, min(in_flight, queries * side_by_side * reranker.samples))
    hours = calls * milliseconds(engine, model, in_flight, prompt, output) / 3.6e6
    return Cost(cell, queries, calls, *millions, in_flight, hours, hours * engine.gpus, warning)


def milliseconds(engine: EngineConfig, model: Model, in_flight: int, prompt: int, output: int) -> float:
    """A call's share of the wall clock: prompt and output in tokens, `in_flight` calls over all copies of the model."""
    of_a_copy = max(1, in_flight / engine.data_parallel)
    weights = prompt * PREFILL_MS + output * step_ms(of_a_copy) / of_a_copy
    weights *= model.parameters / QWEN_32B.parameters * (FP8_SHARE if engine.quantization == "fp8" else 1.0)
    cache = output * (prompt + output / 2) * cache_bytes(engine, model) / CACHE_BYTES_A_MS
    copies = min(in_flight, engine.data_parallel)
    speed: float = copies * engine.tensor_parallel**SPLIT_EXPONENT
    return (weights + cache) / speed


def cache_bytes(engine: EngineConfig, model: Model) -> float:
    """Bytes of KV cache a token."""
    return model.kv_bytes * (0.5 if engine.kv_cache_dtype == "fp8" else 1.0)


def capacity(engine: EngineConfig, model: Model, tokens: int) -> tuple[int, str]:
    """Calls that the KV cache holds, each three quarters full on average; a warning where the model does not fit."""
    weights = model.parameters * WEIGHT_BYTES * (0.5 if engine.quantization == "fp8" else 1.0)
    free = GPU_GIB * engine.gpu_memory_utilization * engine.tensor_parallel - weights
    each = tokens * 0.75 * cache_bytes(engine, model) / 2**30
    if free < each:
        return 1, (
            f"does not fit: {weights:.0f} GB of weights and a context of {tokens} tokens on {engine.tensor_parallel} × "
            f"{GPU_GIB} GiB; raise engine.tensor_parallel"
        )
    held = int(free / each) * engine.data_parallel
    wanted = engine.max_num_seqs * engine.data_parallel
    return min(held, wanted), "" if held >= 32 else f"only {held} calls in flight: decoding will be slow"


def step_ms(in_flight: float) -> float:
    """Milliseconds of a decoding step, linear between what was measured."""
    numbers = sorted(STEP_MS)
    above = next((number for number in numbers if number >= in_flight), numbers[-1])
    below = max((number for number in numbers if number <= in_flight), default=above)
    if above == below:
        return STEP_MS[above]
    share = (in_flight - below) / (above - below)
    return STEP_MS[below] * (1 - share) + STEP_MS[above] * share


def queries_of(experiment: Experiment, name: str, language: str) -> int:
    """Queries of a collection in a language: counted where the files are there, else the catalog's number."""
    collection = experiment.collections[name]
    path, source = Path(paths.queries(name, language)), collection.source
    if not path.is_file() and isinstance(source, FilesTopics) and language in source.queries:
        path = Path(local(source.queries[language]))
    known = len(read_queries(path)) if path.is_file() else collection.expected_queries or QUERIES
    return min(known, source.max_queries or known)


def table(found: list[Cost]) -> str:
    """Text of the plan: a row a cell, the sum, warnings and assumptions."""
    lines = [f"{'cell':58} {'calls':>9} {'prompt M':>9} {'output M':>9} {'in flight':>9} {'hours':>7} {'GPU-h':>7}"]
    for each in found:
        hours = f"{each.hours:7.2f} {each.gpu_hours:7.2f}" if each.hours is not None else f"{'?':>7} {'?':>7}"
        numbers = f"{each.calls:9,} {each.prompt_tokens:9.2f} {each.output_tokens:9.2f} {each.in_flight or '?':>9}"
        lines.append(f"{each.cell!s:58} {numbers} {hours}")
    gpu_hours = sum(each.gpu_hours or 0.0 for each in found)
    total = f"{len(found)} reranked cells, {sum(each.calls for each in found):,} calls, "
    total += f"{ceil(sum(each.output_tokens for each in found)):,} M output tokens, {gpu_hours:.1f} GPU-hours"
    unknown = sum(each.hours is None for each in found)
    lines += ["", total + (f" and {unknown} cells of unknown cost" if unknown else "")]
    lines += [f"warning: {each.cell}: {each.warning}" for each in found if each.warning]
    return "\n".join([*lines, "", ASSUMPTIONS])

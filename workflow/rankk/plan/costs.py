"""Estimated calls, tokens and GPU-hours of the cells of an experiment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path

from rankk import paths
from rankk.config.reranker import Reranker
from rankk.corpora.base import Collection
from rankk.corpora.files import FilesTopics, hub_file
from rankk.experiment import Experiment
from rankk.io.trec import read_queries
from rankk.llm.backends.vllm import Vllm
from rankk.llm.engine_config import EngineConfig
from rankk.paths import Cell
from rankk.plan.gpus import GPUS, SHAPES, Engine, Shape
from rankk.plan.simulation import drawn_lengths, milliseconds, places, stages
from rankk.reranking.settings import resolve

PROMPT_TOKENS = 250  # instructions, query and the text around passages, in tokens
PASSAGE_TOKENS = 512  # assumed length of passages that may be longer
QUERIES = 50  # assumed if the number is not known yet
FEW_CALLS = 32
"""Fewer calls in flight use a GPU inefficiently."""


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
    """The reranked cells of an experiment that ask a model, in the grid's order."""
    return (cost(experiment, cell) for cell in experiment.asking)


def cost(experiment: Experiment, cell: Cell, shards: int = 1) -> Cost:
    """The cost of one reranked cell, or of the largest of its shards."""
    queries = queries_of(experiment, cell.collection, cell.language)
    return cost_of(experiment, cell, experiment.rerankers[cell.reranker], ceil(queries / shards))


def cost_of(experiment: Experiment, cell: Cell, reranker: Reranker, queries: int) -> Cost:
    """The cost of a cell of so many queries with a reranker's settings."""
    settings = resolve(reranker)
    strategy = settings.strategy()
    depth = min(reranker.depth, experiment.retrieved(cell.retriever) or reranker.depth)
    prompt = PROMPT_TOKENS + min(strategy.passages_per_call, depth) * min(settings.passage_tokens, PASSAGE_TOKENS)
    shape = shape_of(experiment, settings.model)
    output = min(shape.answer_tokens if shape else settings.completion_tokens, settings.completion_tokens)
    share = reranker.share(queries_of(experiment, cell.collection, cell.language))
    limit = share / (prompt + output) // reranker.samples
    shapes = stages(strategy, depth, limit)
    calls = ceil(queries * reranker.samples * sum(map(sum, shapes)) / len(shapes))
    millions = (calls * prompt / 1e6, calls * output / 1e6)
    if shape is None or not isinstance(reranker.backend, Vllm):
        return Cost(cell, queries, calls, *millions, 0, None, None)
    engine = Engine(GPUS[experiment.gpu], shape, reranker.backend.engine)
    room = places(engine, prompt, output)
    widths = tuple(tuple(calls * reranker.samples for calls in stage) for stage in shapes)
    in_flight = min(max(1, room), queries * max(map(max, widths)))
    config = engine.config.model_dump_json()
    limit = settings.completion_tokens
    hours = _planned(experiment.gpu, shape, config, widths, prompt, output, limit, in_flight)(queries) / 3.6e6
    gpu_hours, warning = hours * engine.config.gpus, _warning(experiment, engine, prompt + output, room)
    return Cost(cell, queries, calls, *millions, in_flight, hours, gpu_hours, warning)


@cache
def _planned(
    gpu: str,
    shape: Shape,
    config: str,
    widths: tuple[tuple[int, ...], ...],
    prompt: float,
    output: float,
    limit: int,
    in_flight: int,
) -> Callable[[int], float]:
    """Milliseconds by number of queries: the cells of an experiment share simulations."""
    engine = Engine(GPUS[gpu], shape, EngineConfig.model_validate_json(config))
    return milliseconds(engine, widths, prompt, drawn_lengths(output, limit), in_flight)


def _warning(experiment: Experiment, engine: Engine, context: int, room: int) -> str:
    """Message about an engine with room for a number of calls of `context` tokens."""
    gpus = f"{engine.config.tensor_parallel} × {engine.gpu.gib:.0f} GiB ({experiment.gpu})"
    if not room:
        weights = engine.shape.weights_gib(fp8=engine.fp8, fp32=engine.fp32)
        return (
            f"does not fit: {weights:.0f} GiB of weights and a context of {context} tokens on {gpus}; raise "
            "engine.tensor_parallel"
        )
    if room < min(FEW_CALLS, engine.config.max_num_seqs):
        return f"room for {room} calls in flight on {gpus}: decoding will be slow; raise engine.tensor_parallel"
    return ""


def shape_of(experiment: Experiment, model: str) -> Shape | None:
    """A model's shape; that of its base where it is trained or adapted; None where it is not known."""
    if model not in SHAPES and (model in experiment.training or model in experiment.models):
        base = experiment.base_of(model)
        return shape_of(experiment, base[0]) if base else None
    return SHAPES.get(model)


def queries_of(experiment: Experiment, name: str, language: str) -> int:
    """Queries of a collection in a language: counted where they are built, else what is stated, else a guess."""
    collection, path = experiment.collections[name], Path(paths.queries(name, language))
    if path.is_file():
        known = len(read_queries(path))
        return min(known, collection.source.max_queries or known)
    return stated_queries(collection, language) or QUERIES


def stated_queries(collection: Collection, language: str) -> int | None:
    """The most queries that a collection can have in a language, from its definition alone: counted in the user's own
    file, or what its source documents (`expected_queries`), no more than `max_queries`. None where nothing is stated.
    """
    source, translation = collection.source, collection.translations.get(language)
    files = source.queries if isinstance(source, FilesTopics) else {}
    file = files.get(translation.source if translation else language)
    counted = len(read_queries(file)) if file and not hub_file(file) else None
    return min(filter(None, (counted or collection.expected_queries, source.max_queries)), default=None)

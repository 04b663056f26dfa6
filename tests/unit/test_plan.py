"""The plan of an experiment: calls, tokens and hours, from stated assumptions."""

import pytest

from rankk.cli import main
from rankk.config.loading import load
from rankk.plan.costs import cost, costs
from rankk.plan.gpus import GIB, GPUS, QWEN_32B, SPLIT_EXPONENT, Engine, EngineConfig, between
from rankk.plan.table import table

from ..conftest import ROOT

GRID = """
experiment: p
gpu: h200
grid:
  - collections: [mini]
    languages: [eng]
    retrievers: [bm25]
    rerankers: [none, whole, brief, copies, half, coarse, large, mine, budget]
rerankers:
  whole: {preset: rank-k, engine: {tensor_parallel: 4}}
  brief: {preset: rank-k, thinking_tokens: 500, samples: 2, engine: {tensor_parallel: 4}}
  copies: {preset: rank-k, engine: {tensor_parallel: 2, data_parallel: 2}}
  half: {preset: rank-k, engine: {tensor_parallel: 2}}
  coarse: {preset: rank-k, engine: {tensor_parallel: 4, quantization: fp8}}
  large: {preset: rank-k, engine: {gpu_memory_utilization: 0.4}}
  mine: {preset: rank-k, model: ./mine}
  budget: {preset: rank-k, strategy: adaptive, matches: 1000, tokens: 5_000_000, engine: {tensor_parallel: 4}}
"""


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / "p.yaml").write_text(GRID)
    return load(tmp_path / "p.yaml")


@pytest.fixture
def found(experiment):
    return {cost.cell.reranker: cost for cost in costs(experiment)}


def test_calls_and_tokens_follow_from_windows_and_budgets(found):
    assert found["whole"].calls == 40 * 9
    assert found["whole"].prompt_tokens == pytest.approx(360 * (250 + 20 * 450) / 1e6)
    assert found["whole"].output_tokens == pytest.approx(360 * 2400 / 1e6)
    assert found["brief"].calls == 40 * 9 * 2
    assert found["brief"].output_tokens == pytest.approx(720 * (500 + 256) / 1e6)


def test_a_sliding_window_has_as_many_calls_in_flight_as_queries_and_samples(found):
    assert found["whole"].in_flight == 40
    assert found["brief"].in_flight == 80
    assert found["whole"].gpu_hours == pytest.approx(4 * found["whole"].hours)


def test_gpus_that_hold_one_copy_are_1_7_times_as_fast_as_half_as_many_or_faster(found):
    # Reading the cache halves with twice the GPUs, everything else takes 1 / 1.69 of the time.
    assert 2**SPLIT_EXPONENT <= found["half"].hours / found["whole"].hours <= 2


def test_a_budget_of_tokens_limits_the_calls(experiment, found):
    spent = found["budget"].prompt_tokens + found["budget"].output_tokens
    assert 4.5 < spent <= 5
    assert found["budget"].calls == 40 * 10  # 5 windows, and 5 more of 11,650 tokens each
    assert cost(experiment, found["budget"].cell, shards=8).calls == 5 * 10


def test_a_shard_holds_its_part_of_the_queries(experiment, found):
    shard = cost(experiment, found["whole"].cell, shards=8)
    assert shard.queries == 5
    assert shard.hours < found["whole"].hours


def test_steps_between_measured_numbers_are_interpolated_and_beyond_them_extrapolated():
    steps = GPUS["h200"].step_ms
    assert between(steps, 64) == 19.4
    assert between(steps, 80) == pytest.approx((19.4 + 20.8) / 2)
    assert between(steps, 0.5) == 17.5
    assert between(steps, 512) == pytest.approx(35.7 + 4 * (35.7 - 30.0))


@pytest.mark.parametrize(
    ("gpu", "settings", "tokens"),
    [
        ("h100", {}, 38_064),
        ("h100", {"data_parallel": 2}, 33_616),
        ("h100", {"tensor_parallel": 2}, 318_768),
        ("h200", {}, 261_552),
        ("h200", {"quantization": "fp8", "kv_cache_dtype": "fp8"}, 741_120),
    ],
)
def test_the_kv_cache_has_the_measured_room(gpu, settings, tokens):
    assert Engine(GPUS[gpu], QWEN_32B, EngineConfig(**settings)).cache_tokens == pytest.approx(tokens, rel=0.1)


def test_weights_are_counted_in_gib():
    assert QWEN_32B.weights_gib(fp8=False) == pytest.approx(2 * 32.8e9 / GIB)


def test_a_step_reads_the_contexts_of_all_calls_in_flight_from_the_cache():
    engine = Engine(GPUS["h200"], QWEN_32B, EngineConfig())
    full_length = engine.step_ms(64, 64 * 2028)
    assert full_length == pytest.approx(30.7, rel=0.05)  # benchmarks/measured/h200/full-length.curve.csv


def test_a_model_that_does_not_fit_is_a_warning_and_an_unknown_one_has_no_hours(experiment, found):
    assert "does not fit" in found["large"].warning
    assert "61 GiB of weights" in found["large"].warning
    assert "140 GiB (h200)" in found["large"].warning
    assert found["mine"].hours is None
    text = table(experiment, list(found.values()))
    assert "warning: mini/eng/bm25/large" in text
    assert "1 cells of unknown cost" in text


def test_no_more_passages_are_planned_than_the_first_stage_finds(tmp_path):
    (tmp_path / "p.yaml").write_text(f"{GRID}retrievers: {{bm25: {{type: bm25, depth: 30}}}}\n")
    experiment = load(tmp_path / "p.yaml")
    found = {cost.cell.reranker: cost for cost in costs(experiment)}
    assert found["whole"].calls == 40 * 2
    assert "warning: rerankers.whole.depth: 100: retriever bm25 finds 30" in " ".join(table(experiment, []).split())


def test_one_h100_is_not_planned_with_the_room_of_an_h200(experiment, found):
    small = experiment.model_copy(update={"gpu": "h100"})
    cell = found["half"].cell
    assert cost(small, cell).in_flight < found["half"].in_flight


def test_the_command_prints_80_columns_subtotals_and_assumptions(capsys):
    assert main(["plan", str(ROOT / "config" / "rank-k.yaml")]) == 0
    out = capsys.readouterr().out
    assert "Assumed:" in out
    assert "GPU: h100" in out
    assert max(map(len, out.splitlines())) <= 80
    # 684 + 684 + 684 + 7,600 calls for one query language and first stage
    rows = [line.split() for line in out.splitlines()]
    assert ["neuclir-2023-zho/zho:", "4", "cells", "9,652"] in [row[:4] for row in rows]
    assert ["neuclir:", "72", "cells", "140,208"] in [row[:4] for row in rows]
    assert ["rankzephyr", "684"] in [[row[0].partition("/")[2], row[1]] for row in rows if len(row) > 6]


def test_an_unknown_gpu_is_an_error_that_names_the_known_ones(tmp_path, capsys):
    (tmp_path / "p.yaml").write_text(GRID.replace("h200", "gtx"))
    assert main(["plan", str(tmp_path / "p.yaml")]) == 1
    assert "h100, h200" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["rank-k", "budget", "strategies", "languages", "config", "libreoffice-help"])
def test_every_shipped_experiment_is_sound_and_plans(name):
    found = list(costs(load(ROOT / "config" / f"{name}.yaml")))
    assert found
    assert all(cost.calls > 0 for cost in found)

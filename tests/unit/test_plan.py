"""The plan of an experiment: calls, tokens and hours, from stated assumptions."""

import pytest

from rankk import plan
from rankk.cli import main
from rankk.config.loading import load

from ..conftest import ROOT

GRID = """
experiment: p
grid:
  - collections: [mini]
    languages: [eng]
    retrievers: [bm25]
    rerankers: [none, whole, brief, copies, half, narrow, coarse, large, mine]
rerankers:
  whole: {preset: rank-k, engine: {tensor_parallel: 4}}
  brief: {preset: rank-k, thinking_tokens: 500, samples: 2, engine: {tensor_parallel: 4}}
  copies: {preset: rank-k, engine: {tensor_parallel: 2, data_parallel: 2}}
  half: {preset: rank-k, engine: {tensor_parallel: 2}}
  narrow: {preset: rank-k, engine: {tensor_parallel: 4, kv_cache_dtype: fp8}}
  coarse: {preset: rank-k, engine: {tensor_parallel: 4, quantization: fp8}}
  large: {preset: rank-k, engine: {gpu_memory_utilization: 0.4}}
  mine: {preset: rank-k, model: ./mine}
"""


@pytest.fixture
def found(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "p.yaml").write_text(GRID)
    return {cost.cell.reranker: cost for cost in plan.costs(load(tmp_path / "p.yaml"))}


def test_calls_and_tokens_follow_from_windows_and_budgets(found):
    assert found["whole"].calls == 40 * 9
    assert found["whole"].prompt_tokens == pytest.approx(360 * (250 + 20 * 450) / 1e6)
    assert found["whole"].output_tokens == pytest.approx(360 * 2400 / 1e6)
    assert found["brief"].calls == 40 * 9 * 2
    assert found["brief"].output_tokens == pytest.approx(720 * (500 + 256) / 1e6)


def test_a_sliding_window_has_as_many_calls_in_flight_as_queries(found):
    assert found["whole"].in_flight == 40
    assert found["whole"].gpu_hours == pytest.approx(4 * found["whole"].hours)


def test_gpus_that_hold_one_copy_are_1_7_times_as_fast_as_half_as_many(found):
    assert found["half"].hours == pytest.approx(1.69 * found["whole"].hours, rel=0.01)


def test_two_copies_share_prompts_and_contexts_and_decode_with_half_as_many_calls_each(found):
    copies, half = found["copies"], found["half"]
    assert copies.in_flight == half.in_flight == 40
    split = 2**plan.SPLIT_EXPONENT
    steps = [half.output_tokens * 1e6 * plan.step_ms(n) / n / split for n in (40, 20)]
    same = half.hours * 3.6e6 - steps[0]
    assert copies.hours * 3.6e6 == pytest.approx((same + steps[1]) / 2)


def test_a_step_reads_the_contexts_of_all_calls_in_flight_from_the_cache(found):
    whole, narrow = found["whole"], found["narrow"]
    tokens_read = 360 * 2400 * (9250 + 1200)
    read = tokens_read * plan.QWEN_32B.kv_bytes / plan.CACHE_BYTES_A_MS / 4**plan.SPLIT_EXPONENT
    assert (whole.hours - narrow.hours) * 3.6e6 == pytest.approx(read / 2)


def test_fp8_weights_save_their_measured_share_of_all_but_the_cache(found):
    whole, narrow, coarse = found["whole"], found["narrow"], found["coarse"]
    cache = 2 * (whole.hours - narrow.hours)
    assert coarse.hours - cache == pytest.approx(plan.FP8_SHARE * (whole.hours - cache))


def test_a_model_that_does_not_fit_is_a_warning_and_an_unknown_one_has_no_hours(found):
    assert "does not fit" in found["large"].warning
    assert found["mine"].hours is None
    text = plan.table(list(found.values()))
    assert "warning: mini/eng/bm25/large" in text
    assert "1 cells of unknown cost" in text


def test_steps_between_measured_numbers_are_interpolated():
    assert plan.step_ms(64) == 19.4
    assert plan.step_ms(80) == pytest.approx((19.4 + 20.8) / 2)
    assert plan.step_ms(1000) == 35.7


def test_the_command_prints_cells_and_assumptions(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (tmp_path / "p.yaml").write_text(GRID)
    assert main(["plan", str(tmp_path / "p.yaml")]) == 0
    assert "Assumed:" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["rank-k", "budget", "strategies", "languages", "config", "libreoffice-help"])
def test_every_shipped_experiment_is_sound_and_plans(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = list(plan.costs(load(ROOT / "config" / f"{name}.yaml")))
    assert found
    assert all(cost.calls > 0 for cost in found)

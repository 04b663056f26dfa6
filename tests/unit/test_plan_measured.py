"""Planned times against measured ones, case by case, and never below what is possible."""

import csv
import json
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankk.config.loading import load
from rankk.plan.costs import costs
from rankk.plan.gpus import CONTEXT, GPUS, QWEN_32B, Engine, EngineConfig
from rankk.plan.simulation import drawn_lengths, milliseconds, places, stages
from rankk.reranking.strategies.base import STRATEGIES

from ..conftest import ROOT

MEASURED = ROOT / "benchmarks" / "measured"
CASES = list(csv.DictReader((MEASURED / "cases.csv").open()))
MANY = 64
"""Queries from which the plan's own draw of lengths is as good as the measured one."""


@pytest.fixture(scope="module")
def workload():
    """The lengths and the lower bound of the benchmarks."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import workload
    finally:
        sys.path.pop(0)
    return workload


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['case']} {case['queries']}")
def test_planned_times_are_within_1_3_times_of_measured_ones(case, workload):
    scale, queries, measured = float(case["scale"]), int(case["queries"]), float(case["seconds"])
    engine = Engine(GPUS[case["gpu"]], QWEN_32B, EngineConfig(**json.loads(case["engine"])))
    shape = [int(calls) for calls in case["stages"].split()]
    prompt, output = 2000 / scale, workload.ANSWER_TOKENS / scale
    room = places(engine, prompt, output)

    def seconds(lengths):
        return milliseconds(engine, [shape], prompt, lengths, room)(queries) / 1000

    assert 1 / 1.3 < seconds(workload.Lengths(scale).of) / measured < 1.3
    if queries >= MANY:
        assert 1 / 1.3 < seconds(drawn_lengths(output, 100 * output)) / measured < 1.3


def test_the_cases_state_what_the_tables_hold():
    for case in CASES:
        name, _, strategy = case["case"].partition(" ")
        table = MEASURED / f"{name}.{'strategies' if strategy else 'schedules'}.csv"
        if table.is_file():  # of the two cases at full length the seconds alone were kept
            rows = [
                float(row["seconds"])
                for row in csv.DictReader(table.open())
                if row.get("schedule") == "ours"
                or (row.get("strategy"), row.get("queries")) == (strategy, case["queries"])
            ]
            assert float(case["seconds"]) == pytest.approx(rows[-1], rel=0.01)
    named = {case["case"] for case in CASES}
    assert {
        str(path.relative_to(MEASURED)).removesuffix(".schedules.csv") for path in MEASURED.rglob("*.schedules.csv")
    } <= named


LONG = [
    ("h100", {}, "h100-x2/one-real", 2000),
    ("h100", {"data_parallel": 2}, "h100-x2/dp2-real", 2000),
    ("h100", {"tensor_parallel": 2}, "h100-x2/tp2-real", 2000),
    ("h200", {}, "h200/full-length", 2000),
    ("h200", {"quantization": "fp8", "kv_cache_dtype": "fp8"}, "h200/fp8-full-length", 2000),
    ("h200", {"quantization": "fp8", "kv_cache_dtype": "fp8"}, "h200/half-length", 1000),
]
"""Steps of calls with long prompts, and how many tokens these have."""
SHORT = [
    *(("h200", {}, f"h200/bf16-{queries}") for queries in (96, 192)),
    *(("h200", {"quantization": "fp8"}, f"h200/fp8-{queries}") for queries in (96, 192)),
    *(("h100", {}, table) for table in ("h100/bf16-192", "h100-x2/one-192")),
    ("h100", {"data_parallel": 2}, "h100-x2/dp2-192"),
    ("h100", {"tensor_parallel": 2}, "h100-x2/tp2-192"),
]
"""Steps of calls with prompts of about 100 tokens, from which the plan's speeds were read."""
NOT_PLANNED = {"h100/speculation.csv", "h100/tail.csv"}
"""Guesses, whose gain depends on how many are right; and a model that spends its time outside of the GPU."""


@pytest.mark.parametrize(("gpu", "config", "table"), SHORT)
def test_steps_are_those_of_every_measured_curve(gpu, config, table):
    engine = Engine(GPUS[gpu], QWEN_32B, EngineConfig(**config))
    for row in csv.DictReader((MEASURED / f"{table}.curve.csv").open()):
        number = int(row["in flight"]) / min(engine.config.data_parallel, int(row["in flight"]))
        assert 1 / 1.15 < engine.step_ms(number, CONTEXT * number) / float(row["ms a step"]) < 1.15


def test_every_table_that_a_gpu_was_timed_in_is_planned_or_said_not_to_be():
    planned = {f"{case['case'].partition(' ')[0]}.{kind}.csv" for case in CASES for kind in ("schedules", "strategies")}
    planned |= {f"{table}.curve.csv" for _, _, table, *_ in (*SHORT, *LONG)}
    found = {str(path.relative_to(MEASURED)) for path in MEASURED.glob("h[12]00*/*.csv")}
    assert found - planned == NOT_PLANNED
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").partition("Not planned: ")[2]
    assert "check guesses" in text
    assert "h100/tail.csv" in text


@pytest.mark.parametrize(("gpu", "config", "table", "prompt"), LONG)
def test_calls_that_find_no_room_in_the_cache_wait_as_measured(gpu, config, table, prompt):
    engine = Engine(GPUS[gpu], QWEN_32B, EngineConfig(**config))
    for row in csv.DictReader((MEASURED / f"{table}.curve.csv").open()):
        number = int(row["in flight"])

        def taken(length, number=number):
            room = places(engine, prompt, 52)
            return milliseconds(engine, [[1]], prompt, lambda query, call: length, room)(number)

        step = (taken(52) - taken(4)) / 48
        assert 1 / 1.3 < step / float(row["ms a step"]) < 1.3


def test_steps_without_guesses_are_those_measured_beside_speculation():
    """The steps that check guesses are not planned: what is gained depends on how many guesses are right."""
    engine = Engine(GPUS["h100"], QWEN_32B, EngineConfig())
    for row in csv.DictReader((MEASURED / "h100" / "speculation.csv").open()):
        number = int(row["in flight"])
        assert 1 / 1.3 < engine.step_ms(number, 2000 * number) / float(row["ms a plain step"]) < 1.3


def test_no_time_is_planned_for_the_model_of_the_tail(tmp_path):
    """In h100/tail.csv one query's 178 tokens took .42 s; its 135 million parameters alone would take .02 s."""
    single = next(row for row in csv.DictReader((MEASURED / "h100" / "tail.csv").open()) if row["queries"] == "1")
    tokens = float(single["seconds"]) * float(single["output tokens a second"])
    tiny = replace(QWEN_32B, parameters=0.135)
    assert (
        tokens * Engine(GPUS["h100"], tiny, EngineConfig()).step_ms(1, CONTEXT) / 1000 < float(single["seconds"]) / 10
    )
    (tmp_path / "x.yaml").write_text(
        "experiment: x\ngpu: h100\n"
        "grid: [{collections: [dl19], languages: [eng], retrievers: [bm25], rerankers: [none, tail]}]\n"
        "rerankers: {tail: {preset: listwise, model: HuggingFaceTB/SmolLM2-135M-Instruct}}\n"
    )
    assert [cost.hours for cost in costs(load(tmp_path / "x.yaml"))] == [None]


@settings(max_examples=60, deadline=None)
@given(
    gpu=st.sampled_from(list(GPUS)),
    config=st.fixed_dictionaries(
        {
            "tensor_parallel": st.sampled_from([1, 2, 4]),
            "data_parallel": st.sampled_from([1, 2]),
            "quantization": st.sampled_from([None, "fp8"]),
        }
    ),
    queries=st.integers(1, 80),
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    in_flight=st.integers(1, 100),
    prompt=st.integers(10, 4000),
)
def test_no_plan_is_below_what_is_possible(gpu, config, queries, shape, in_flight, prompt):
    engine = Engine(GPUS[gpu], QWEN_32B, EngineConfig(**config))
    copies, lengths = engine.config.data_parallel, drawn_lengths(120, 500)
    planned = milliseconds(engine, [shape], prompt, lengths, in_flight)(queries)
    calls, tokens = queries * sum(shape), sum(lengths(q, c) for q in range(queries) for c in range(sum(shape)))

    def step(number):
        """The step of a copy that holds `number` of all calls in flight."""
        return engine.step_ms(number / min(copies, number), 0)

    prefill = calls * engine.prefill_ms(prompt) / copies
    assert planned * 1.0001 > prefill + tokens * min(step(number) / number for number in range(1, in_flight + 1))
    chain = max(sum(lengths(q, c) for c in range(len(shape))) for q in range(queries)) if max(shape) == 1 else 0
    assert planned * 1.0001 > chain * min(map(step, range(1, in_flight + 1)))


@settings(max_examples=40, deadline=None)
@given(queries=st.integers(1, 100), seed=st.integers(0, 1000))
def test_with_room_for_all_the_plan_is_no_lower_than_the_benchmarks_bound(workload, queries, seed):
    engine = Engine(GPUS["h200"], QWEN_32B, EngineConfig())
    lengths = workload.Lengths(20, seed)
    prefill = engine.prefill_ms(100) / 1000
    curve = {n: (engine.step_ms(n, n * CONTEXT) / 1000, prefill) for n in range(1, queries + 1)}
    chains = [sum(lengths.of(query, call) for call in range(3)) for query in range(queries)]
    planned = milliseconds(engine, [[1] * 3], 100, lengths.of, queries)(queries) / 1000
    assert planned * 1.0001 > workload.bound(chains, 3 * queries, curve, queries)


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_the_calls_of_every_strategy_are_those_that_it_states(name):
    strategy = STRATEGIES.all()[name]()
    for shape in stages(strategy, 20 if name == "single" else 100):
        if strategy.exact:
            assert sum(shape) == strategy.calls(20 if name == "single" else 100)
        assert sum(shape) <= strategy.calls(100)
        assert len(shape) <= strategy.longest_chain(100)


def test_more_queries_than_are_simulated_take_time_in_proportion():
    engine = Engine(GPUS["h200"], QWEN_32B, EngineConfig())
    planned = milliseconds(engine, [[1] * 9], 100, drawn_lengths(120, 500), 32)
    times = [planned(queries) for queries in (1000, 2000)]
    assert times[1] / times[0] == pytest.approx(2, rel=0.05)

"""Planned times against measured ones, case by case, and never below what is possible."""

import csv
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankk.plan.gpus import (
    CONTEXT,
    GPUS,
    HOST_PROMPT_MS,
    HOST_STEP_MS,
    QWEN_32B,
    SHAPES,
    Engine,
    EngineConfig,
)
from rankk.plan.simulation import drawn_lengths, milliseconds, places, stages
from rankk.reranking.strategies.base import STRATEGIES

from ..conftest import ROOT

MEASURED = ROOT / "benchmarks" / "measured"
CASES = list(csv.DictReader((MEASURED / "cases.csv").open()))
SMALLEST = "HuggingFaceTB/SmolLM2-135M-Instruct"
MANY = 96
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
    queries, measured = int(case["queries"]), float(case["seconds"])
    engine = Engine(GPUS[case["gpu"]], SHAPES[case["model"]], EngineConfig(**json.loads(case["engine"])))
    shape = [int(calls) for calls in case["stages"].split()]
    prompt, output = float(case["prompt"]), float(case["output"])
    room = places(engine, prompt, output)
    own = drawn_lengths(output, 100 * output)

    def seconds(lengths):
        return milliseconds(engine, [shape], prompt, lengths, room)(queries) / 1000

    if case["scale"]:
        as_measured = workload.Lengths(float(case["scale"])).of
    else:  # only the number of tokens was kept
        total = sum(own(query, call) for query in range(queries) for call in range(sum(shape)))
        share = output * queries * sum(shape) / total
        as_measured = lambda query, call: share * own(query, call)  # noqa: E731
    assert 1 / 1.3 < seconds(as_measured) / measured < 1.3
    if queries >= MANY:
        assert 1 / 1.3 < seconds(own) / measured < 1.3


def table_of(case):
    """The table that a case's seconds stand in."""
    name, _, variant = case["case"].partition(" ")
    return MEASURED / (
        f"{name}.csv" if name.endswith("/tail") else f"{name}.{'strategies' if variant else 'schedules'}.csv"
    )


def test_the_cases_state_what_the_tables_hold():
    for case in CASES:
        _, _, strategy = case["case"].partition(" ")
        table = table_of(case)
        if table.is_file():  # of the others the seconds alone were kept, in the README
            rows = [
                float(row["seconds"])
                for row in csv.DictReader(table.open())
                if row.get("schedule") == "ours"
                or (row.get("strategy", row.get("variant")), row.get("queries")) == (strategy, case["queries"])
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
    ("h200", {"quantization": "fp8", "kv_cache_dtype": "fp8"}, "h200/half-length-2", 1000),
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
NOT_PLANNED = {"h100/speculation.csv", "h200/attention.csv", "h200/engine-options.csv"}
"""Guesses, whose gain depends on how many are right; kernels alone; steps that are compared one by one."""


@pytest.mark.parametrize(("gpu", "config", "table"), SHORT)
def test_steps_are_those_of_every_measured_curve(gpu, config, table):
    engine = Engine(GPUS[gpu], QWEN_32B, EngineConfig(**config))
    for row in csv.DictReader((MEASURED / f"{table}.curve.csv").open()):
        number = int(row["in flight"]) / min(engine.config.data_parallel, int(row["in flight"]))
        assert 1 / 1.15 < engine.step_ms(number, CONTEXT * number) / float(row["ms a step"]) < 1.15


def test_every_table_that_a_gpu_was_timed_in_is_planned_or_said_not_to_be():
    planned = {str(table_of(case).relative_to(MEASURED)) for case in CASES}
    planned |= {f"{table}.curve.csv" for _, _, table, *_ in (*SHORT, *LONG)}
    found = {str(path.relative_to(MEASURED)) for path in MEASURED.glob("h[12]00*/*.csv")}
    assert found - planned == NOT_PLANNED
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").partition("Not planned: ")[2]
    assert "check guesses" in text


def test_the_readme_shows_every_case_with_its_measured_seconds():
    lines = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").splitlines()
    shown = [[cell.strip() for cell in line.split("|")[1:4]] for line in lines if line.startswith("| h")]
    rows = {(name.partition(" (")[0], number): float(seconds) for name, number, seconds in shown if number.isdigit()}
    for case in CASES:
        assert rows[case["case"], case["queries"]] == pytest.approx(float(case["seconds"]), rel=0.03)


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


def test_steps_and_prompts_are_those_measured_at_the_contexts_of_full_length_answers():
    engines = {"bf16": {}, "fp8-cache": {"quantization": "fp8", "kv_cache_dtype": "fp8"}}
    for row in csv.DictReader((MEASURED / "h200" / "engine-options.csv").open()):
        if row["variant"] in engines:  # the plan knows vLLM's default attention kernels
            engine = Engine(GPUS["h200"], QWEN_32B, EngineConfig(**engines[row["variant"]]))
            number, context = int(row["in flight"]), int(row["context"])
            assert 1 / 1.3 < engine.step_ms(number, context * number) / float(row["ms a step"]) < 1.3
            assert 1 / 1.3 < engine.prefill_ms(context) / float(row["ms a prompt"]) < 1.3


def test_a_small_model_takes_the_time_of_the_host():
    """However small the model: of one query's 181 tokens in h100/tail.csv each took 2 ms, the GPU's part is a tenth."""
    tiny, large = (Engine(GPUS["h100"], shape, EngineConfig()) for shape in (SHAPES[SMALLEST], QWEN_32B))
    assert tiny.step_ms(1, CONTEXT) == HOST_STEP_MS > 10 * large.step_ms(1, CONTEXT) * 0.135 / 32.8
    assert tiny.prefill_ms(1000) == pytest.approx(1000 * HOST_PROMPT_MS)
    assert large.step_ms(1, CONTEXT) == GPUS["h100"].step_ms[1]


def test_32_bits_take_twice_the_memory():
    single, half = (
        Engine(GPUS["h100"], SHAPES[SMALLEST], EngineConfig(dtype=name)) for name in ("float32", "bfloat16")
    )
    assert single.cache_bytes == 2 * half.cache_bytes
    assert single.shape.weights_gib(fp32=True) == 2 * half.shape.weights_gib()
    assert single.cache_tokens < half.cache_tokens / 2


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
    model=st.sampled_from(["Qwen/QwQ-32B", SMALLEST]),
)
def test_no_plan_is_below_what_is_possible(gpu, config, queries, shape, in_flight, prompt, model):
    engine = Engine(GPUS[gpu], SHAPES[model], EngineConfig(**config))
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

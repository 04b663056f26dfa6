"""Calls in flight follow the room of a vLLM server."""

import asyncio

import pytest

from rankk.llm import room
from rankk.llm.openai_client import OpenAIClient
from rankk.llm.room import FEWEST, Following, Metrics, Room, following
from rankk.llm.types import CallContext, Message, Prompt, Sampling

from ..fake_server import FakeServer, Reply

CACHE = 'vllm:cache_config_info{{block_size="16",cache_dtype="auto",engine="{engine}",num_gpu_blocks="{blocks}"}} 1.0\n'
PAGE = (
    "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
    "# TYPE vllm:num_requests_running gauge\n"
    'vllm:num_requests_running{{engine="{engine}",model_name="m"}} {running}\n'
    'vllm:num_requests_waiting{{engine="{engine}",model_name="m"}} {waiting}\n'
    'vllm:num_requests_waiting_by_reason{{engine="{engine}",model_name="m",reason="capacity"}} 7.0\n'
    'vllm:kv_cache_usage_perc{{engine="{engine}",model_name="m"}} {usage}\n'
    'vllm:num_preemptions_total{{engine="{engine}",model_name="m"}} {preemptions}\n'
    'vllm:num_preemptions_created{{engine="{engine}",model_name="m"}} 1.7641e+09\n'
) + CACHE
VLLM = {"data": [{"id": "fake", "owned_by": "vllm"}]}


def page(engine=0, running=0, waiting=0, usage=0.0, preemptions=0, blocks=1000):
    values = {"running": running, "waiting": waiting, "usage": usage, "preemptions": preemptions, "blocks": blocks}
    return PAGE.format(engine=engine, **values)


def metrics(running=0, waiting=0, usage=0.0, preemptions=0, tokens=100_000):
    return Metrics(running, waiting, usage, preemptions, tokens)


def test_numbers_of_all_engines_are_read():
    text = page(0, 3.0, 1.0, 0.25, 2.0) + page(1, 4.0, 0.0, 0.5, 1.0)
    assert Metrics.read(text) == Metrics(7, 1, 0.5, 3, 32_000)


def test_the_older_name_of_the_usage_is_read():
    assert Metrics.read(page(usage=0.25).replace("kv_cache_usage", "gpu_cache_usage")) == metrics(
        usage=0.25, tokens=16_000
    )


@pytest.mark.parametrize("lost", ["num_requests_running{", "num_requests_waiting{", "kv_cache_usage", "num_gpu_blocks"])
def test_without_a_number_that_is_needed_nothing_is_known(lost):
    assert Metrics.read(page().replace(lost, "renamed")) is None


@pytest.mark.parametrize("text", ["", "<html>404</html>", '{"data": []}', "vllm:num_requests_running 1e", page()[:200]])
def test_other_pages_are_not_metrics(text):
    assert Metrics.read(text) is None


@pytest.mark.parametrize(
    ("tokens", "usage", "limit"), [(100_000, 0.0, 120), (100_000, 0.5, 53), (1000, 0.0, FEWEST), (10**9, 0.0, 1024)]
)
def test_the_first_calls_fill_the_free_cache_when_a_quarter_of_their_tokens_is_written(tokens, usage, limit):
    calls = Room(metrics(usage=usage, tokens=tokens))
    calls.start(prompt_bytes=2000, max_tokens=1000)  # 500 tokens of prompt and 250 of the answer
    assert calls.limit == limit


def filled(limit=40, finished=10):
    calls = Room(metrics())
    calls.limit = limit
    for _ in range(limit):
        calls.sent()
    for _ in range(finished):
        calls.finished()
        calls.sent()
    return calls


def test_an_idle_cache_gets_one_more_call_for_each_that_finished():
    calls = filled()
    calls.observe(metrics(running=40, usage=0.5))
    assert calls.limit == 50


@pytest.mark.parametrize("state", [{"usage": 0.95}, {"usage": 0.5, "waiting": 1}])
def test_a_full_cache_or_a_queue_in_the_server_gets_no_more(state):
    calls = filled()
    calls.observe(metrics(running=40, **state))
    assert calls.limit == 40


def test_calls_that_did_not_fill_the_limit_do_not_raise_it():
    calls = Room(metrics())
    calls.limit = 40
    calls.sent()
    calls.finished()
    calls.observe(metrics(usage=0.1))
    assert calls.limit == 40


def test_a_preemption_lowers_the_limit_below_what_was_running():
    calls = filled()
    calls.observe(metrics(running=30, waiting=10, usage=1.0, preemptions=3))
    assert calls.limit == 28  # 95 % of 30
    calls.observe(metrics(running=30, waiting=10, usage=1.0, preemptions=3))
    assert calls.limit == 28, "the same preemptions are not counted twice"


def test_of_an_engine_that_others_use_too_only_the_own_share_counts():
    calls = filled()
    calls.observe(metrics(running=60, waiting=20, usage=1.0, preemptions=1))
    assert calls.limit == 28  # 95 % of 40 × 60 / 80


def ask(server, times, in_flight=None):
    """The client after so many calls at once."""

    async def work():
        plain = OpenAIClient(server.url, "fake", in_flight=in_flight)
        await plain.check()
        client = await following(plain)
        prompt = Prompt(messages=(Message("user", "x" * 2000),))
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(times):
                    tasks.create_task(client.complete(prompt, Sampling(max_tokens=1000), CallContext(number=number)))
        finally:
            await client.close()
        return client

    return asyncio.run(work())


def pages(*texts):
    """Answers to GET requests: the list of models, and metrics, the last of them for ever."""
    left = list(texts)
    return lambda path: Reply(VLLM) if path.endswith("/models") else Reply(left.pop(0) if len(left) > 1 else left[0])


def test_no_more_calls_are_sent_than_a_full_server_has_room_for():
    with FakeServer(seconds=0.002, models=pages(page(usage=0.95))) as server:
        client = ask(server, times=60)
    assert isinstance(client, Following)
    assert server.most <= FEWEST
    assert client.facts == {"in_flight": FEWEST}


def test_a_server_with_room_is_filled_while_calls_finish(monkeypatch):
    monkeypatch.setattr(room, "POLL_SECONDS", 0.02)
    with FakeServer(seconds=0.005, models=pages(page(blocks=1250))) as server:
        client = ask(server, times=150)
    assert client.facts["in_flight"] > 2 * FEWEST


def test_calls_go_on_where_the_metrics_are_gone(monkeypatch):
    monkeypatch.setattr(room, "POLL_SECONDS", 0.02)
    with FakeServer(seconds=0.002, models=pages(page(blocks=1250), "gone")) as server:
        client = ask(server, times=100)
    assert client.facts == {"in_flight": 24}


@pytest.mark.parametrize("models", [VLLM, {"data": [{"id": "fake", "owned_by": "others"}]}])
def test_a_server_without_metrics_gets_the_number_of_its_kind(models):
    with FakeServer(models=Reply(models)) as server:
        client = ask(server, times=2)
    assert isinstance(client, OpenAIClient)


def test_waiting_calls_go_by_priority(monkeypatch):
    monkeypatch.setattr(room, "FEWEST", 1)

    async def work():
        plain = OpenAIClient(server.url, "fake")
        await plain.check()
        client = await following(plain)
        prompt, sampling = Prompt(messages=(Message("user", "q"),)), Sampling(max_tokens=10**6)
        async with asyncio.TaskGroup() as tasks:
            for priority in (-1, 0, -9, -5):
                tasks.create_task(client.complete(prompt, sampling, CallContext(priority=priority)))
        await client.close()

    with FakeServer(models=pages(page(usage=0.95))) as server:
        asyncio.run(work())
    assert [body["priority"] for body in server.bodies] == [-1, -9, -5, 0]

"""Backends as cells see them: engines that start late, and servers that count tokens."""

import asyncio

import pytest

from rankk.config.validation import validate_reranker
from rankk.errors import BackendError, RankkError
from rankk.llm import server_tokens
from rankk.llm.backends.vllm import LateEngine
from rankk.llm.engine_config import EngineConfig
from rankk.llm.openai_client import OpenAIClient
from rankk.llm.server_tokens import CLOSE_ENOUGH, ServerTokenizer
from rankk.llm.tokenizers import ModelTokenizer
from rankk.llm.types import CallContext, Completion, Message, Prompt, Sampling
from rankk.progress import tell, told_beside
from rankk.reranking.cell import rerank_cell

from ..fake_server import FakeServer, Reply
from ..synthetic import write
from .chatml import build_tokenizer

PROMPT = Prompt(messages=(Message("user", "which?"),))


class Echo:
    """Answers with what it was asked."""

    max_in_flight = 4
    closed = False

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        return Completion(prompt.text, "stop")

    async def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return ModelTokenizer(build_tokenizer(tmp_path_factory.mktemp("tokenizer")))


def test_an_engine_starts_once_with_the_first_call_and_gets_rendered_prompts(tokenizer):
    starts, echo = [], Echo()

    async def start():
        starts.append(1)
        await asyncio.sleep(0.01)
        return echo

    async def work():
        engine = LateEngine(start, tokenizer, 4)
        answers = await asyncio.gather(*(engine.complete(PROMPT, Sampling(), CallContext()) for _ in range(5)))
        await engine.close()
        return engine, answers

    engine, answers = asyncio.run(work())
    assert len(starts) == 1
    assert {answer.text for answer in answers} == {tokenizer.render(PROMPT)}
    assert engine.start_seconds >= 0.01
    assert echo.closed


def test_a_job_says_that_it_waits_while_its_engine_starts_and_until_it_has_answered(tmp_path, tokenizer):
    said = []

    async def start():
        said.append((tmp_path / "cell.now").read_text())
        return Echo()

    async def work():
        engine = LateEngine(start, tokenizer, 4)
        await engine.complete(PROMPT, Sampling(), CallContext())
        await engine.close()

    with told_beside(tmp_path / "cell.log"):
        tell("0 of 6 calls")
        asyncio.run(work())
        said.append((tmp_path / "cell.now").read_text())
    assert said == ["waiting for the engine", "waiting for the first answer"]


def test_an_engine_that_is_never_asked_never_starts(tokenizer):
    async def start():
        raise AssertionError("started")

    asyncio.run(LateEngine(start, tokenizer, 4).close())


def test_a_failed_start_is_tried_once_and_fails_every_waiting_call(tokenizer):
    starts = []

    async def start():
        starts.append(1)
        raise BackendError("no GPU")

    async def work():
        engine = LateEngine(start, tokenizer, 4)
        calls = (engine.complete(PROMPT, Sampling(), CallContext()) for _ in range(3))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        await engine.close()
        return answers

    assert [str(error) for error in asyncio.run(work())] == ["no GPU"] * 3
    assert len(starts) == 1


def test_a_cell_whose_engine_does_not_start_fails_with_the_engine_s_words_alone(tmp_path, tokenizer):
    write(tmp_path, queries=3, depth=4)
    build_tokenizer(tmp_path / "model")
    settings = {"preset": "listwise", "model": str(tmp_path / "model"), "engine": {"max_model_len": 512}}
    reranker = validate_reranker(settings | {"depth": 4, "window": 4, "stride": 2, "max_tokens": 64}, "test")
    with pytest.raises(BackendError, match="vLLM is not installed") as caught:
        rerank_cell(
            reranker,
            run=tmp_path / "first.trec",
            queries=tmp_path / "queries.tsv",
            passages=tmp_path / "passages.jsonl",
            output=tmp_path / "cell.trec",
        )
    assert "queries failed" not in str(caught.value)
    assert not (tmp_path / "cell.trec").exists()


def test_tokens_are_counted_and_cut_by_a_server_that_can():
    with FakeServer(tokenizes=True) as server:
        counter = ServerTokenizer.of(OpenAIClient(server.url, "fake"), {})
        assert counter is not None
        assert counter.count("abcdef") == 2
        assert counter.prompt_tokens(Prompt(messages=(Message("user", "abcdef"),))) == 3
        text = "пример текста, который надо обрезать " * 20
        cut = counter.cut(text, 50)
        assert text.startswith(cut)
        assert 50 - CLOSE_ENOUGH <= counter.count(cut) <= 50
        assert counter.cut("kurz", 50) == "kurz"
        assert counter.cut(text, 0) == ""


@pytest.mark.parametrize("reply", [Reply({}, 404), Reply({}, 405), Reply("", 501), Reply({"tokens": [1, 2]})])
def test_a_server_without_a_count_of_tokens_is_noticed_and_told(caplog, reply):
    with FakeServer(tokenizes=True, tokenize=[reply]) as server:
        assert ServerTokenizer.of(OpenAIClient(server.url, "fake"), {}) is None
    assert "tokens are counted by characters: http" in caplog.text


@pytest.mark.parametrize("failure", [Reply("busy", 503), Reply("busy", 429), Reply("broken", 500)])
def test_a_count_that_fails_once_is_asked_for_again_at_the_start_and_later(monkeypatch, failure):
    monkeypatch.setattr(server_tokens, "FIRST_DELAY", 0.001)
    with FakeServer(tokenizes=True, tokenize=[failure]) as server:
        counter = ServerTokenizer.of(OpenAIClient(server.url, "fake"), {})
        server.tokenize.append(failure)
        assert counter.count("abcdef") == 2


def test_a_count_that_fails_for_good_is_an_error_and_never_a_count_of_characters(monkeypatch):
    monkeypatch.setattr(server_tokens, "FIRST_DELAY", 0.001)
    said = r"does not count tokens \(6 attempts, last: 503 busy\)"
    busy = [Reply("busy", 503)] * 99
    with FakeServer(tokenizes=True, tokenize=busy) as server, pytest.raises(RankkError, match=said):
        ServerTokenizer.of(OpenAIClient(server.url, "fake"), {})


def test_a_count_that_drips_is_given_up_and_asked_for_again(monkeypatch):
    monkeypatch.setattr(server_tokens, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(server_tokens, "TIMEOUT", 0.3)
    with FakeServer(tokenizes=True, tokenize=[Reply({"count": 7}, pause=0.1)]) as server:
        assert ServerTokenizer.of(OpenAIClient(server.url, "fake"), {}).count("abcdef") == 2


def test_what_fits_by_its_bytes_is_neither_counted_nor_cut():
    with FakeServer(tokenizes=True) as server:
        counter = ServerTokenizer.of(OpenAIClient(server.url, "fake"), {})
        asked = len(server.paths)
        assert counter.cut("short ünd small", 17) == "short ünd small"
        assert counter.excess(Prompt(messages=(Message("user", "x" * 100),)), 2000) <= 0
        assert len(server.paths) == asked
        assert counter.excess(Prompt(messages=(Message("user", "x" * 3000),)), 900) == 1001 - 900
        assert len(server.paths) == asked + 1


@pytest.mark.parametrize(("tokenizes", "kind"), [(True, "server"), (False, "characters")])
def test_the_manifest_says_who_counted_the_tokens(tmp_path, tokenizes, kind):
    write(tmp_path, queries=1, depth=4)
    with FakeServer(tokenizes=tokenizes) as server:
        settings = {"preset": "listwise", "model": "fake", "backend": "openai", "base_url": server.url}
        reranker = validate_reranker(settings | {"depth": 4, "window": 4, "stride": 2}, "test")
        rerank_cell(
            reranker,
            run=tmp_path / "first.trec",
            queries=tmp_path / "queries.tsv",
            passages=tmp_path / "passages.jsonl",
            output=tmp_path / "cell.trec",
        )
    assert f'"tokens_counted_by": "{kind}"' in (tmp_path / "cell.json").read_text()


def test_an_engine_on_the_cpu_takes_its_process_s_cores_whatever_a_job_s_libraries_are_told(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {5, 2})
    environment = EngineConfig().environment(on_cpu=True)
    assert environment["VLLM_CPU_OMP_THREADS_BIND"] == "2,5"
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "2"
    assert EngineConfig().environment(on_cpu=False) == {}


@pytest.mark.parametrize(("on_cpu", "copies", "executor"), [(True, 1, "uni"), (True, 2, None), (False, 1, None)])
def test_on_the_cpu_an_engine_holds_its_model_in_its_own_process_unless_it_has_several(on_cpu, copies, executor):
    arguments = EngineConfig(data_parallel=copies).arguments(on_cpu=on_cpu, revision=None, max_model_len=1024)
    assert arguments.get("distributed_executor_backend") == executor

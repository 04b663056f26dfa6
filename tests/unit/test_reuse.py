"""A greater depth, another strategy or more samples reuse the calls that were made."""

import json

import pytest

from rankk.config.validation import validate_reranker
from rankk.errors import RankkError
from rankk.io.trec import read_run
from rankk.reranking.cell import rerank_cell
from rankk.reranking.tally import read_calls

from ..fake_server import FakeServer
from ..synthetic import write

BASE = {"preset": "listwise", "model": "fake", "backend": "openai", "depth": 12, "window": 4}
WINDOWS = 5  # of a sliding window over 12 passages


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        ({}, {"samples": 3}, 2 * WINDOWS),  # the first sample is there, if the order of the windows stays
        ({"strategy": "single"}, {"depth": 4}, 0),  # one window of the same four passages
        ({"strategy": "groups", "rounds": 1}, {"strategy": "groups", "rounds": 2}, 3),
    ],
)
def test_only_calls_that_were_never_made_are_made(tmp_path, before, after, asked):
    write(tmp_path, queries=1, depth=12)
    with FakeServer() as server:

        def run(name, **settings):
            rerank_cell(
                validate_reranker(BASE | {"base_url": server.url} | settings, "test"),
                run=tmp_path / "first.trec",
                queries=tmp_path / "queries.tsv",
                passages=tmp_path / "passages.jsonl",
                output=tmp_path / f"{name}.trec",
            )
            return len(server.asked)

        made = run("before", **before)
        assert run("after", **after) - made <= asked
        assert made > 0


def test_two_queries_with_the_same_text_and_passages_ask_once_and_each_has_its_own_calls(tmp_path):
    write(tmp_path, queries=1, depth=6)
    lines = (tmp_path / "first.trec").read_text()
    (tmp_path / "first.trec").write_text(lines + lines.replace("q0 ", "twin "))
    with (tmp_path / "queries.tsv").open("a") as file:
        file.write("twin\tsubject 0\n")
    with FakeServer(seconds=0.05) as server:
        rerank_cell(
            validate_reranker(BASE | {"base_url": server.url, "depth": 6}, "test"),
            run=tmp_path / "first.trec",
            queries=tmp_path / "queries.tsv",
            passages=tmp_path / "passages.jsonl",
            output=tmp_path / "o.trec",
        )
        assert len(server.asked) == 2
    run = read_run(tmp_path / "o.trec")
    assert run["q0"] == run["twin"]
    assert [(call.qid, call.call) for call in read_calls(tmp_path / "o.calls.csv")] == [
        ("q0", 0),
        ("q0", 1),
        ("twin", 0),
        ("twin", 1),
    ]
    counts = json.loads((tmp_path / "o.json").read_text())["calls"]
    assert (counts["asked"], counts["from_journal"]) == (2, 2)


def test_another_counter_of_tokens_is_a_warning_before_any_call(tmp_path, caplog):
    write(tmp_path, queries=1, depth=12)
    for tokenizes in (True, False):
        with FakeServer(tokenizes=tokenizes) as server:
            rerank_cell(
                validate_reranker(BASE | {"base_url": server.url}, "test"),
                run=tmp_path / "first.trec",
                queries=tmp_path / "queries.tsv",
                passages=tmp_path / "passages.jsonl",
                output=tmp_path / "o.trec",
            )
            warned = "its prompts were cut by tokens counted by server, now by characters" in caplog.text
            assert warned is not tokenizes


def test_a_budget_of_tokens_is_shared_by_the_queries_and_kept_in_shards_and_from_the_journal(tmp_path, caplog):
    write(tmp_path, queries=2, depth=12)
    runs = {}
    with FakeServer() as server:

        def run(name, shard=None, **settings):
            made = len(server.asked)
            rerank_cell(
                validate_reranker(
                    BASE | {"base_url": server.url, "strategy": "adaptive", "matches": 9} | settings, "test"
                ),
                run=tmp_path / "first.trec",
                queries=tmp_path / "queries.tsv",
                passages=tmp_path / "passages.jsonl",
                output=tmp_path / name / "o.trec",
                shard=shard,
            )
            runs[name] = read_calls(tmp_path / name / "o.calls.csv")
            return len(server.asked) - made

        for name in ("free", "kept", "shard", "least"):
            (tmp_path / name).mkdir()
        assert 20 < run("free") <= 2 * (3 + 9)
        of = {
            qid: [call.prompt_tokens + call.output_tokens for call in runs["free"] if call.qid == qid]
            for qid in ("q0", "q1")
        }
        budget = sum(sum(tokens[:5]) for tokens in of.values()) + 2
        assert run("kept", tokens=budget) <= 2 * 5
        assert run("kept", tokens=budget) == 0
        assert run("shard", tokens=budget, shards=2, shard=1) > 0
        assert "tokens spent" not in caplog.text
        run("least", tokens=1)
        assert "tokens spent, 1 allowed: the calls that every query needs take more" in caplog.text
    spent = sum(call.prompt_tokens + call.output_tokens for call in runs["kept"])
    assert budget * 0.7 < spent <= budget
    alone = {call.qid for call in runs["shard"]}
    assert len(alone) == 1
    assert [call.window for call in runs["shard"]] == [call.window for call in runs["kept"] if call.qid in alone]


def test_a_smaller_share_makes_no_call_again_and_a_larger_one_only_those_beyond(tmp_path):
    write(tmp_path, queries=2, depth=12)
    with FakeServer() as server:

        def run(name, share):
            made = len(server.asked)
            rerank_cell(
                validate_reranker(
                    BASE | {"base_url": server.url, "strategy": "adaptive", "matches": 9, "tokens_per_query": share},
                    "test",
                ),
                run=tmp_path / "first.trec",
                queries=tmp_path / "queries.tsv",
                passages=tmp_path / "passages.jsonl",
                output=tmp_path / f"{name}.trec",
            )
            return len(server.asked) - made, len(read_calls(tmp_path / f"{name}.calls.csv"))

        asked, calls = run("least", 1)
        spent = sum(call.prompt_tokens + call.output_tokens for call in read_calls(tmp_path / "least.calls.csv"))
        assert (asked, calls) == (6, 6)  # the first windows, three of each query
        large = spent  # of both queries, so that each has room for three more calls
        asked, more = run("large", large)
        assert asked == more - 6 > 0
        small = spent * 3 // 4
        asked, fewer = run("small", small)
        assert (asked, 6 < fewer < more) == (0, True)


def test_a_budget_needs_a_strategy_that_can_end_and_a_backend_that_tells_tokens(tmp_path):
    with pytest.raises(
        RankkError, match="tokens: 5000: strategy sliding makes all its calls; expected one of acurank, "
    ):
        validate_reranker(BASE | {"base_url": "http://localhost", "tokens": 5000}, "test")
    write(tmp_path, queries=1, depth=12)
    (tmp_path / "answers.jsonl").write_text('{"qid": "q0", "call": 0, "response": "[1] > [2]"}\n')
    with pytest.raises(RankkError, match="tokens: the backend does not tell how many tokens a call takes"):
        rerank_cell(
            validate_reranker(
                {
                    "backend": "replay",
                    "responses": str(tmp_path / "answers.jsonl"),
                    **{"strategy": "adaptive", "depth": 12, "window": 12, "tokens": 10},
                },
                "test",
            ),
            run=tmp_path / "first.trec",
            queries=tmp_path / "queries.tsv",
            passages=tmp_path / "passages.jsonl",
            output=tmp_path / "o.trec",
        )

"""A greater depth, another strategy or more samples reuse the calls that were made."""

import json

import pytest

from rankk.config.loading import validate_reranker
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

"""A greater depth, another strategy or more samples reuse the calls that were made."""

import pytest

from rankk.config.loading import validate_reranker
from rankk.reranking.cell import rerank_cell

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

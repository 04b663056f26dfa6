"""A cell in shards is the cell in one piece."""

import csv
import json

import pytest

from rankk.config.validation import validate_reranker
from rankk.io.runs import ranked
from rankk.io.trec import read_run
from rankk.llm.journal import read_journal
from rankk.reranking.cell import rerank_cell
from rankk.reranking.shards import members, merge
from rankk.reranking.strategies.sliding import Sliding

from ..fake_server import FakeServer
from ..synthetic import write

SETTINGS = {"preset": "listwise", "model": "fake", "backend": "openai", "depth": 12, "window": 4, "stride": 2}


def test_shards_hold_every_query_once_and_nearly_equal_work():
    run = {f"q{i}": ranked([f"d{n}" for n in range(5 + 13 * i % 90)]) for i in range(40)}
    strategy = Sliding(window=20, stride=10)
    shards = members(run, strategy, 100, 4)
    assert sorted(qid for shard in shards for qid in shard) == sorted(run)
    loads = [sum(strategy.calls(len(run[qid])) for qid in shard) for shard in shards]
    assert max(loads) - min(loads) <= max(strategy.calls(len(hits)) for hits in run.values())


def test_more_shards_than_queries_leaves_some_empty():
    shards = members({"q": ranked(["a", "b"])}, Sliding(window=2, stride=1), 2, 3)
    assert sorted(map(len, shards)) == [0, 0, 1]


@pytest.fixture
def server():
    with FakeServer() as running:
        yield running


def cell(folder, server, output, **options):
    shards = options.pop("shards", 1)
    rerank_cell(
        validate_reranker(SETTINGS | {"base_url": server.url, "shards": shards}, "test"),
        run=folder / "first.trec",
        queries=folder / "queries.tsv",
        passages=folder / "passages.jsonl",
        output=folder / output,
        **options,
    )


def test_merged_shards_equal_the_cell_in_one_piece(tmp_path, server):
    write(tmp_path, queries=7, depth=12)
    (tmp_path / "split.shards").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for number in range(3):
        cell(tmp_path, server, f"split.shards/{number}.trec", shards=3, shard=number)
    parts = [str(tmp_path / f"split.shards/{number}.trec") for number in range(3)]
    merge(parts, str(tmp_path / "split.trec"), str(tmp_path / "first.trec"))
    cell(tmp_path, server, "elsewhere/whole.trec")
    assert read_run(tmp_path / "split.trec") == read_run(tmp_path / "elsewhere/whole.trec")
    whole = json.loads((tmp_path / "elsewhere/whole.json").read_text())
    split = json.loads((tmp_path / "split.json").read_text())
    assert split["shards"] == 3
    assert split["queries"] == whole["queries"] == 7
    assert split["calls"] == whole["calls"]
    with (tmp_path / "split.calls.csv").open() as ours, (tmp_path / "elsewhere/whole.calls.csv").open() as theirs:
        rows = [[(row["qid"], row["call"], row["key"]) for row in csv.DictReader(file)] for file in (ours, theirs)]
    assert rows[0] == rows[1]
    assert len(list(read_journal(tmp_path / "split.calls.jsonl"))) == len(rows[0])


def test_a_cell_in_one_piece_reuses_what_its_shards_asked(tmp_path, server):
    write(tmp_path, queries=4, depth=12)
    (tmp_path / "c.shards").mkdir()
    cell(tmp_path, server, "c.shards/0.trec", shards=1, shard=0)
    asked = len(server.asked)
    cell(tmp_path, server, "c.trec")
    assert len(server.asked) == asked

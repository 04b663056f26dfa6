"""A cross-encoder's cell through the real Snakemake."""

import json

import yaml

from rankk.io.trec import read_queries, read_run
from rankk.llm.journal import read_journal

from ..conftest import MINI, mini_collection
from ..unit.test_cross_encoder import build
from .test_small_grid import snakemake


def test_a_cross_encoder_is_a_cell_like_every_other(tmp_path):
    model = build(tmp_path / "model", longest=64)
    queries = list(read_queries(MINI / "queries.eng.tsv"))[:2]
    docids = [json.loads(line)["id"] for line in (MINI / "passages.jsonl").read_text().splitlines()][:6]
    lines = [f"{qid} Q0 {docid} {rank} {9 - rank} made" for qid in queries for rank, docid in enumerate(docids, 1)]
    (tmp_path / "made.trec").write_text("\n".join(lines) + "\n")
    scored = {"preset": "cross-encoder", "model": str(model), "device": "cpu", "depth": 5}
    config = {
        "experiment": "small",
        "grid": [{"collections": ["c"], "languages": ["eng"], "retrievers": ["made"], "rerankers": ["none", "scored"]}],
        "collections": {"c": mini_collection(max_queries=2)},
        "retrievers": {"made": {"type": "run", "path": str(tmp_path / "made.trec")}},
        "rerankers": {"scored": scored},
    }
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(config))
    cell = tmp_path / "results/runs/c/eng/made"
    done = snakemake(tmp_path, "results/runs/c/eng/made/scored.trec")
    assert done.returncode == 0, done.stderr[-3000:]
    records = list(read_journal(cell / "scored.calls.jsonl"))
    first, run = read_run(cell / "none.trec"), read_run(cell / "scored.trec")
    assert len(records) == 5 * len(first)
    for qid, hits in run.items():
        scores = {record.window[0]: record.score for record in records if record.qid == qid}
        values = [scores[hit.docid] for hit in hits[:5]]
        assert values == sorted(scores.values(), reverse=True)
        assert [hit.docid for hit in hits[5:]] == [hit.docid for hit in first[qid][5:]]
    config["rerankers"]["scored"] = scored | {"batch_size": 2}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(config))
    again = snakemake(tmp_path, "--dry-run", "results/runs/c/eng/made/scored.trec")
    assert "Nothing to be done" in again.stdout + again.stderr

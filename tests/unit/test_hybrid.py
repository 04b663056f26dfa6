"""Reciprocal rank fusion of first stages."""

from rankk.io.runs import ranked
from rankk.io.trec import read_run, write_run
from rankk.retrievers.fusion import FusedRuns


def test_queries_of_any_list_are_kept_in_their_order_and_cut_to_the_depth(tmp_path):
    write_run(tmp_path / "a", {"q2": ranked(["x", "y"])}, "a")
    write_run(tmp_path / "b", {"q1": ranked(["y", "z", "x"])}, "b")
    (tmp_path / "queries").write_text("q1\tone\nq2\ttwo\nq3\tthree\n")
    inputs = {"runs": [tmp_path / "a", tmp_path / "b"], "queries": tmp_path / "queries"}
    FusedRuns(retrievers=["a", "b"], depth=2).retrieve(inputs, tmp_path / "out", threads=1, tag="fused")
    run = read_run(tmp_path / "out")
    assert {qid: [hit.docid for hit in hits] for qid, hits in run.items()} == {"q1": ["y", "z"], "q2": ["x", "y"]}

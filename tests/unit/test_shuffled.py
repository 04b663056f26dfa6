"""A shuffled first stage: the same passages, another order, the same every time."""

from rankk.io.runs import Hit
from rankk.io.trec import read_run, write_run
from rankk.retrievers.shuffled import Shuffled


def test_the_first_passages_are_kept_in_an_order_of_the_querys_own(tmp_path):
    run = {qid: [Hit(f"d{n}", 30.0 - n) for n in range(30)] for qid in ("q1", "q2")}
    write_run(tmp_path / "in.trec", run, "x")
    retriever, inputs = Shuffled(retriever="first", depth=10), {"run": tmp_path / "in.trec"}
    retriever.retrieve(inputs, tmp_path / "out.trec", threads=1, tag="shuffled")
    orders = {qid: [hit.docid for hit in hits] for qid, hits in read_run(tmp_path / "out.trec").items()}
    first = [f"d{n}" for n in range(10)]
    assert all(sorted(order) == first != order for order in orders.values())
    assert orders["q1"] != orders["q2"]
    retriever.retrieve(inputs, tmp_path / "again.trec", threads=1, tag="shuffled")
    assert (tmp_path / "again.trec").read_bytes() == (tmp_path / "out.trec").read_bytes()

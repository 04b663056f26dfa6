"""TREC files: order, ties and faults."""

import struct
from itertools import pairwise

import pytest

from rankk.errors import RankkError
from rankk.io.trec import Hit, ranked, read_qrels, read_queries, read_run, write_run


def as_float32(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


@pytest.mark.parametrize("score", [0.0, 0.5, 17.25, 24_000.0, -3.0])
def test_tied_scores_are_written_strictly_decreasing_even_as_32_bit_floats(tmp_path, score):
    write_run(tmp_path / "run.trec", {"q": [Hit(f"d{i}", score) for i in range(50)]}, "tag")
    written = [float(line.split()[4]) for line in (tmp_path / "run.trec").read_text().splitlines()]
    singles = [as_float32(value) for value in written]
    assert all(a > b for a, b in pairwise(singles))


def test_a_run_is_read_by_score_then_by_rank_whatever_the_order_of_lines(tmp_path):
    file = tmp_path / "run.trec"
    file.write_text("q Q0 c 3 1.0 t\nq Q0 b 2 1.0 t\nq Q0 a 1 2.0 t\n")
    assert [hit.docid for hit in read_run(file)["q"]] == ["a", "b", "c"]


def test_what_is_written_is_read_back(tmp_path):
    run = {"q2": ranked(["a", "b"]), "q1": ranked(["b"])}
    write_run(tmp_path / "run.trec", run, "tag")
    assert read_run(tmp_path / "run.trec") == run


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        (read_run, "q Q0 a 1 2.0 t\nq Q0 b x 1.0 t\n", "f:2: expected 'qid Q0 docid rank score tag'"),
        (read_run, "q Q0 a 1 2.0 t\nq Q0 a 2 1.0 t\n", "query q holds a passage twice"),
        (read_qrels, "q 0 a high\n", "f:1: expected 'qid 0 docid grade'"),
        (read_queries, "q1\tone\nq1\ttwo\n", "f:2: query q1 stands twice"),
        (read_queries, "q1 one\n", "f:1: expected 'qid<TAB>text'"),
    ],
)
def test_a_fault_names_file_and_line(tmp_path, reader, content, message):
    (tmp_path / "f").write_text(content)
    with pytest.raises(RankkError, match=message):
        reader(tmp_path / "f")


def test_a_query_keeps_its_further_tabs(tmp_path):
    (tmp_path / "f").write_text("q1\tone\ttwo\n")
    assert read_queries(tmp_path / "f") == {"q1": "one\ttwo"}

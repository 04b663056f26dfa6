"""What commands print for people: runs compared, calls with their texts, experiments that differ."""

import shutil

import pytest

from rankk import paths
from rankk.cli import main
from rankk.io.files import write_json
from rankk.io.trec import read_qrels

from .. import evidence


def test_as_many_losses_as_gains_are_shown_the_largest_first(tmp_path, capsys):
    theirs, _, ours, *_ = evidence.build(tmp_path)
    assert main(["compare", ours.run, theirs.run, "--qrels", ours.qrels, "--queries", ours.queries, "--most=8"]) == 0
    losses, gains = capsys.readouterr().out.split("\n\n")[1:]
    for part, sign in ((losses, -1), (gains, 1)):
        title, *rows = part.strip().splitlines()
        values = [sign * float(row.split()[3]) for row in rows]
        assert title.endswith("loss" if sign < 0 else "gain")
        assert len(values) == 4
        assert values == sorted(values, reverse=True)
        assert values[-1] > 0
        assert "what is subject" in rows[0]


def test_equal_runs_show_no_query(tmp_path, capsys):
    first, *_ = evidence.build(tmp_path)
    assert main(["compare", first.run, first.run, "--qrels", first.qrels]) == 0
    assert "\n\n" not in capsys.readouterr().out


def test_nothing_is_coloured_where_the_output_is_no_terminal(tmp_path, capsys):
    theirs, _, ours, *_ = evidence.build(tmp_path)
    assert main(["compare", ours.run, theirs.run, "--qrels", ours.qrels]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_gains_are_coloured_on_a_terminal_unless_NO_COLOR_is_set(tmp_path, capsys, monkeypatch, no_colour, coloured):
    theirs, _, ours, *_ = evidence.build(tmp_path)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_colour)
    assert main(["compare", ours.run, theirs.run, "--qrels", ours.qrels]) == 0
    assert ("\x1b[31m-0." in capsys.readouterr().out) == coloured


@pytest.mark.parametrize("named", [True, False])
def test_calls_show_query_grades_and_texts(tmp_path, capsys, named):
    evidence.build(tmp_path)
    cell = paths.Cell("c", "fas", "bm25", "think")
    journal, files = tmp_path / cell.journal, []
    if named:
        journal = shutil.copy(journal, tmp_path / "moved.calls.jsonl")
        given = (paths.queries("c", "fas"), paths.qrels("c"), paths.passages("c"))
        names = ("queries", "qrels", "passages")
        files = [f"--{name}={tmp_path / file}" for name, file in zip(names, given, strict=True)]
    assert main(["calls", str(journal), "--query=q3", *files]) == 0
    head, query, _, first, *_ = capsys.readouterr().out.splitlines()
    assert head.startswith("── query q3, call 0, sample 0: ok, stop")
    assert query == "موضوع چیست q3"
    docid = first.split()[1]
    grade = read_qrels(tmp_path / paths.qrels("c"))["q3"].get(docid)
    told = f"[1] {docid}" + ("" if grade is None else f" (grade {grade})")
    assert first == (f"{told}  متن <b>{docid}</b>" if named else told)  # only an indexed corpus is read unnamed


def test_a_journal_alone_is_shown_without_them(tmp_path, capsys):
    evidence.build(tmp_path)
    journal = tmp_path / "moved.calls.jsonl"
    shutil.copy(tmp_path / paths.Cell("c", "fas", "bm25", "think").journal, journal)
    assert main(["calls", str(journal), "--query=q3"]) == 0
    assert "\nwindow: [1] d" in capsys.readouterr().out


def experiment(folder, rerankers, values):
    """Results of a finished experiment: configuration and summary."""
    folder.mkdir(parents=True)
    facts = {"experiment": folder.name, "grid": [], "rerankers": rerankers}
    write_json(folder / "experiment.json", {"experiment": facts, "provenance": {}})
    rows = [f"c,eng,bm25,{name},nDCG@10,{value}" for name, value in values.items()]
    (folder / "summary.csv").write_text("\n".join(["collection,language,retriever,reranker,measure,value", *rows, ""]))
    return folder


def test_two_experiments_differ_in_settings_cells_and_values(tmp_path, capsys):
    one = experiment(tmp_path / "one", {"a": {"depth": 20}, "b": {"depth": 1}}, {"none": 0.5, "a": 0.6, "b": 0.7})
    other = experiment(tmp_path / "other", {"a": {"depth": 50}}, {"none": 0.5, "a": 0.65})
    assert main(["diff", str(one), str(other)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 settings differ",
        "  rerankers.a.depth: 20 → 50",
        '  rerankers.b: {"depth": 1} → not there',
        "1 cells only in one",
        "  c/eng/bm25/b",
        "0 cells only in other",
        "1 of 2 shared values differ",
        "  c/eng/bm25/a  nDCG@10: 0.6000 → 0.6500 (+0.0500)",
    ]


def test_the_largest_differences_of_many_are_shown(tmp_path, capsys):
    one, other = (
        experiment(tmp_path / name, {}, {f"r{i}": 0.1 + i * step for i in range(30)})
        for name, step in (("one", 0.01), ("other", 0.02))
    )
    assert main(["diff", str(one), str(other), "--most=2"]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "  c/eng/bm25/r29  nDCG@10: 0.3900 → 0.6800 (+0.2900)",
        "  c/eng/bm25/r28  nDCG@10: 0.3800 → 0.6600 (+0.2800)",
        "  … and 27 more (--most)",
    ]


def test_an_experiment_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["diff", str(tmp_path), "nowhere"]) == 1
    assert "experiment.json: no such file; give two finished experiments by name or folder" in capsys.readouterr().err

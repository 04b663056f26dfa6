"""How far an experiment is, and the page and the lines that tell it while it runs."""

import fcntl
import os
import re
import time
from pathlib import Path

import pytest

from rankk import paths
from rankk.config.loading import check
from rankk.io.files import write_json
from rankk.report.progress import Progress, State, progress, summary
from rankk.show import results

from .. import evidence
from .test_page import shown

CONFIG = {
    "experiment": "x",
    "grid": [
        {"collections": ["c"], "languages": ["eng", "fas"], "retrievers": ["bm25", "splade"]}
        | {"rerankers": ["none", "quick", "think"]}
    ],
    "collections": {
        "c": {"source": "files", "language": "fas", "passages": "p.jsonl", "qrels": "q.txt", "measures": ["nDCG@10"]}
        | {"queries": {"eng": "e.tsv", "fas": "f.tsv"}, "expected_queries": 24}
    },
    "retrievers": {name: {"type": "run", "path": f"{name}.trec"} for name in ("bm25", "splade")},
    "rerankers": {"quick": {"preset": "listwise", "model": "m"}, "think": {"preset": "qwq", "model": "m"}},
}


@pytest.fixture
def grid(tmp_path, monkeypatch):
    """A finished grid of twelve cells."""
    monkeypatch.setattr(paths, "RESULTS", str(tmp_path / "results"))
    for name in ("p.jsonl", "q.txt", "e.tsv", "f.tsv", "bm25.trec", "splade.trec"):
        (tmp_path / name).touch()
    for entry in evidence.build(tmp_path):
        if entry.cell.reranked:
            (tmp_path / entry.cell.checked).write_text("ok\n")
    return check(CONFIG, str(tmp_path / "x.yaml"))


def unmade(cell, *, hours=0.0):
    """Take a cell's results away, but for its journal, whose last call was so long ago."""
    for path in (cell.run, cell.manifest, cell.calls, cell.checked):
        Path(path).unlink()
    written = time.time() - 3600 * hours
    os.utime(cell.journal, (written, written))


THINK = paths.Cell("c", "eng", "bm25", "think")


def logged(text, kind="runs"):
    """The log of the cell with a thinking model."""
    log = Path(paths.log(kind, "c", "eng", "bm25", "think"))
    log.parent.mkdir(parents=True)
    log.write_text(text)
    return log


def test_all_cells_of_a_finished_grid_are_done(grid):
    states = progress(grid)
    assert list(states) == grid.cells
    assert summary(states) == "12 of 12 cells are done."


def test_a_cell_whose_journal_is_being_written_is_running_with_its_calls_so_far(grid):
    unmade(THINK, hours=3)
    expected = progress(grid)[THINK].expected
    with Path(THINK.journal).open("ab") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        assert progress(grid)[THINK] == Progress(State.RUNNING, 48, expected)
    assert progress(grid)[THINK].state == State.STOPPED
    assert summary(progress(grid)) == "11 of 12 cells are done; 1 stopped."


def test_a_cell_that_got_an_answer_lately_is_running_though_its_lock_cannot_be_seen(grid):
    unmade(THINK)
    assert progress(grid)[THINK].state == State.RUNNING


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("waiting for the engine", "waiting for the engine"),
        ("48 of 90 calls, 31 tokens/s, about 2:10 left", "31 tokens/s, about 2:10 left"),
        ("0 of 90 calls", ""),
    ],
)
def test_a_running_cell_tells_what_its_job_says(grid, line, told):
    unmade(THINK, hours=3)
    logged("20:00:00 INFO begun\n")
    Path(paths.log("runs", "c", "eng", "bm25", "think")).with_suffix(".now").write_text(line)
    assert (progress(grid)[THINK].state, progress(grid)[THINK].detail) == (State.RUNNING, told)


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("20:00:00 INFO begun\n20:01:02 ERROR c.jsonl:3: no JSON\n", "c.jsonl:3: no JSON"),
        ("20:01:02 ERROR failed\nTraceback (most recent call last):\n  File\nKeyError: 'd5'\n", "KeyError: 'd5'"),
    ],
)
def test_a_failed_cell_names_its_log_and_the_error(grid, log, told):
    unmade(THINK)
    file = logged(log)
    assert progress(grid)[THINK].detail == f"{file}: {told}"
    assert progress(grid)[THINK].state == State.FAILED


def test_an_error_of_one_query_while_others_go_on_is_no_failure(grid):
    unmade(THINK)
    logged("20:01:02 ERROR query q1: refused\n20:02:00 INFO 3 of 24 queries\n")
    assert progress(grid)[THINK].state == State.RUNNING


def test_a_first_stage_and_what_starts_from_it_wait(grid):
    for reranker in ("none", "quick", "think"):
        cell = paths.Cell("c", "fas", "splade", reranker)
        for path in (cell.run, cell.journal):
            Path(path).unlink(missing_ok=True)
    assert summary(progress(grid)) == "9 of 12 cells are done; 3 waiting."


def test_a_run_made_with_other_settings_does_not_count(grid, tmp_path):
    rerankers = CONFIG["rerankers"] | {"think": {"preset": "qwq", "model": "n"}}
    state = progress(check(CONFIG | {"rerankers": rerankers}, str(tmp_path / "x.yaml")))[THINK]
    assert (state.state, state.detail) == (State.WAITING, "the run that is there was made with other settings")


def test_an_answer_check_that_failed_is_a_failure(grid):
    Path(THINK.checked).unlink()
    logged("20:01:02 ERROR 60% of the answers cannot be used\n", "checked")
    assert progress(grid)[THINK].detail.endswith("60% of the answers cannot be used")


def test_the_page_of_a_running_grid_shows_values_of_what_is_done_and_states_of_the_rest(grid, tmp_path, capsys):
    config = tmp_path / "x.yaml"
    write_json(config, CONFIG)  # JSON is YAML
    unmade(THINK, hours=3)
    Path(paths.Cell("c", "fas", "bm25", "think").page).write_text("")
    results(str(config))
    out = capsys.readouterr().out
    assert out.startswith("11 of 12 cells are done; 1 stopped.\n  c/eng/bm25/think: stopped: 48 of ")
    assert "Of 7 reranked cells, " in out
    page = Path(out.splitlines()[-1].removeprefix("Open "))
    text = page.read_text(encoding="utf-8")
    matrix = text.split('id="matrix"')[1].split("</table>")[0]
    assert matrix.count('class="interval">0.') == 11
    assert re.search(r'class="number stopped" title="[^"]*stopped: 48 of \d+ calls">stopped', matrix)
    assert re.findall(r'href="([^"]*\.html)"', matrix) == ["../../../runs/c/fas/bm25/think.html"]
    assert "<h1" in shown(page.absolute())


def test_nothing_is_done_yet(grid, tmp_path, capsys):
    for cell in grid.cells:
        for path in (cell.run, cell.journal):
            Path(path).unlink(missing_ok=True)
    write_json(tmp_path / "x.yaml", CONFIG)
    results(str(tmp_path / "x.yaml"))
    out = capsys.readouterr().out
    assert out.startswith("0 of 12 cells are done; 12 waiting.\nNo reranked cell of this experiment is compared")

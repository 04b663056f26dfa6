"""What people see while jobs run, and the lines with which an experiment ends."""

import os
import pty
import subprocess
import sys
import time
from contextlib import ExitStack

import pandas as pd

from rankk import paths
from rankk.io.files import write_json
from rankk.llm.types import Completion
from rankk.logs import job
from rankk.progress import bar, duration, tell
from rankk.report.closing import closing
from rankk.reranking.pace import Pace
from rankk.terminal import cut
from rankk.watch import doing

from .. import evidence
from ..conftest import ROOT


def answered(pace, calls, seconds=10.0, in_flight=1):
    """Calls that were answered, while others are in flight."""
    others = ExitStack()
    for _ in range(in_flight - 1):
        others.enter_context(pace.asking())
    for _ in range(calls):
        with pace.asking():
            pass
        pace.answered(Completion("", "stop", output_tokens=100, seconds=seconds))
    return others


def test_the_time_left_is_told_from_the_fifth_call_on():
    pace = Pace()
    assert pace.told(40) == ""
    answered(pace, 4)
    assert "left" not in pace.told(36)
    answered(pace, 1)
    assert pace.told(35).endswith("tokens/s, about 5:50 left")
    assert "left" not in pace.told(0)


def test_calls_that_run_side_by_side_take_less_time_together():
    pace = Pace()
    others = answered(pace, 5, seconds=60.0, in_flight=43)
    assert pace.told(382).endswith("about 8:53 left")
    others.close()


def test_durations_are_hours_minutes_and_seconds():
    assert [duration(seconds) for seconds in (0.4, 62, 3723)] == ["0:00", "1:02", "1:02:03"]


def test_a_job_tells_beside_its_log_what_it_is_doing_and_nothing_on_the_terminal(tmp_path, capfd):
    log, now = tmp_path / "runs.log", tmp_path / "runs.now"
    with job(log):
        tell("waiting for the engine")
        assert doing(now) == "waiting for the engine"
        with bar(what="encode", unit="texts", total=1200) as progress:
            progress.update(3)
            progress.refresh()
            assert doing(now).startswith("encode: 3 of 1200 texts")
    assert not now.exists()
    assert capfd.readouterr().err == ""


def test_a_job_without_news_says_for_how_long(tmp_path):
    now = tmp_path / "runs.now"
    now.write_text("3 of 9 calls")
    os.utime(now, (time.time() - 130,) * 2)
    assert doing(now).startswith("3 of 9 calls, no news for 2:1")
    assert doing(tmp_path / "other.now") == ""


SHOWN = """
import time
from pathlib import Path
from rankk import watch
from rankk.config.loading import load
watch.LOOK, watch.FIRST = 0.05, 0.1
stale = Path("results/logs/indexes/c.bm25.now")
stale.parent.mkdir(parents=True)
stale.write_text("left behind")
watch.watch(load("config/config.yaml"))
told = "112 of 400 calls, 1,210 tokens/s, about 0:20 left"
for name, text in (("runs/mini-20.eng.bm25.rankk-mini-top10", "12 of 40 calls, 210 tokens/s, about 0:20 left"),
                   ("runs/mini-20.zho.bm25-english-queries.rankk-mini-top10", told),
                   ("indexes/mini-20.bm25", "x" * 200)):
    file = Path(f"results/logs/{name}.now")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
time.sleep(2)
"""


def test_each_running_job_has_lines_with_its_name_that_fit_the_terminal(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text((ROOT / "config/config.yaml").read_text())
    main, terminal = pty.openpty()
    subprocess.run([sys.executable, "-c", SHOWN], cwd=tmp_path, stderr=terminal, check=True, timeout=300)
    os.close(terminal)
    shown = os.read(main, 100_000).decode().splitlines()
    assert "mini-20/eng/bm25/rankk-mini-top10: 12 of 40 calls, 210 tokens/s, about 0:20 left" in shown
    assert any(line.startswith("inde…m25: xxx") and line.endswith("x…") for line in shown)
    assert "mini-20/zho/bm…nkk-mini-top10: 112 of 400 calls, 1,210 tokens/s, about 0:20 left" in shown
    assert not any("left behind" in line or len(line) > 80 for line in shown)
    assert len(shown) < 20


def test_a_line_is_cut_by_the_columns_that_its_characters_take():
    assert cut("abcdefghijkl", 0, 12) == "abcdefghijkl"
    assert cut("abcdefghijklm", 0, 12) == "abcdefghijk…"
    assert cut("气候变化的影响是什么", 0, 12) == "气候变化的…"
    assert cut("سلام", 0, 12) == "سلام"


def test_an_experiment_ends_with_five_lines(tmp_path):
    evidence.evaluated(tmp_path, evidence.build(tmp_path))
    folder = tmp_path / paths.experiment("x")
    facts = {"experiment": "x", "collections": {"c": {"title": "Climate"}}, "retrievers": {}, "rerankers": {}}
    write_json(folder / "experiment.json", {"experiment": facts, "provenance": {}})
    (folder / "index.html").touch()
    (folder / "tables").mkdir()
    (folder / "tables/effectiveness.md").write_text("| system |\n")
    command = [sys.executable, "-m", "rankk", "results", "x"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert "| system |" in lines
    counts, highest, lowest, calls, page = lines[-5:]
    assert counts.startswith("x: 8 reranked cells: ")
    assert highest.startswith("  highest ")
    assert lowest.startswith("  lowest  -0.")
    assert " on Climate, " in highest
    assert "% usable, " in calls
    assert page == "Open results/experiments/x/index.html"
    table = pd.read_csv(folder / "summary.csv")
    table.assign(output_tokens=None).to_csv(folder / "summary.csv", index=False)
    assert closing(folder)[3].endswith("% usable")  # stored answers do not tell their tokens

"""Progress of an experiment: the state of each cell, from the files that its jobs have written."""

import fcntl
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from rankk import paths
from rankk.config.reranker import Reranker
from rankk.experiment import Experiment
from rankk.io.files import read_json
from rankk.paths import Cell
from rankk.plan.costs import cost
from rankk.progress import SUFFIX
from rankk.reranking.outputs import RunFiles
from rankk.watch import doing

AFFECTS_RESULTS = False

FRESH = 600.0
"""Seconds since the last call within which a cell is taken to be running where no lock tells (another machine)."""
MESSAGE = re.compile(r"\d\d:\d\d:\d\d ([A-Z]+) (.*)")

COUNTED = re.compile(r"\d+ of \d+ calls(, )?")
"""Prefix of the line that a job writes."""


class State(StrEnum):
    """States of a cell."""

    DONE = "done"
    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"
    WAITING = "waiting"


@dataclass(frozen=True)
class Progress:
    """How far a cell is. `calls`: in its journal; `expected`: as the plan counts them, 0 where nobody knows."""

    state: State
    calls: int = 0
    expected: int = 0
    detail: str = ""
    """Log and last message of a failed cell; speed of a running one; why a run that is there does not count."""

    @property
    def counted(self) -> str:
        """How many of the expected calls are made; empty for a cell that is done or waits."""
        if self.state in (State.DONE, State.WAITING) or not self.expected:
            return ""
        return f"{self.calls:,} of {self.expected:,} calls"

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.state), ", ".join(filter(None, (self.counted, self.detail))))))


def progress(experiment: Experiment) -> dict[Cell, Progress]:
    """The state of every cell, in the grid's order."""
    return {cell: _reranked(experiment, cell) if cell.reranked else _first_stage(cell) for cell in experiment.cells}


def summary(states: Mapping[Cell, Progress]) -> str:
    """How many cells are in which state."""
    counts = Counter(progress.state for progress in states.values())
    others = ", ".join(f"{counts[state]} {state}" for state in State if state != State.DONE and counts[state])
    return f"{counts[State.DONE]} of {len(states)} cells are done{'; ' if others else ''}{others}."


def _first_stage(cell: Cell) -> Progress:
    if Path(cell.run).is_file():
        return Progress(State.DONE)
    log = Path(paths.log("runs", *cell.names))
    if error := _error(log):
        return Progress(State.FAILED, detail=error)
    return Progress(State.RUNNING if _age(log) < FRESH else State.STOPPED if log.exists() else State.WAITING)


def _reranked(experiment: Experiment, cell: Cell) -> Progress:
    shards = experiment.rerankers[cell.reranker].shards
    files, logs = [RunFiles.of(cell.run)], [paths.log("runs", *cell.names), paths.log("checked", *cell.names)]
    if shards > 1:
        files += [RunFiles.of(cell.shard(number, ".trec")) for number in range(shards)]
        logs += [paths.log("runs", *cell.names, str(number)) for number in range(shards)]
    journals = [each.journal for each in files if each.journal.is_file()]
    done = all(map(Path.is_file, (files[0].run, files[0].calls, files[0].manifest)))
    calls = sum(map(_lines, journals if shards == 1 or not files[0].journal.is_file() else journals[:1]))
    expected = max(calls, cost(experiment, cell).calls)
    current = done and _current(experiment, cell, files[0].manifest)
    if current and Path(cell.checked).is_file():
        return Progress(State.DONE, calls)
    if told := [doing(file) for log in logs if _age(file := Path(log).with_suffix(SUFFIX)) < FRESH]:
        return Progress(State.RUNNING, calls, expected, COUNTED.sub("", told[0]))
    if any(map(_locked, journals)):
        return Progress(State.RUNNING, calls, expected)
    for log in map(Path, logs):
        if error := _error(log):
            return Progress(State.FAILED, calls, expected, error)
    if current:
        return Progress(State.DONE, calls)
    if min(map(_age, journals), default=FRESH) < FRESH and not done:
        return Progress(State.RUNNING, calls, expected)
    if done:
        return Progress(State.WAITING, detail="the run that is there was made with other settings")
    return Progress(State.STOPPED if journals else State.WAITING, calls, expected)


def _current(experiment: Experiment, cell: Cell, manifest: Path) -> bool:
    """Whether a cell's run was made with the settings that it has now."""
    try:
        made = Reranker(**read_json(manifest)["reranker"])
    except ValueError:  # written by another version of rankk
        return False
    reranker = experiment.rerankers[cell.reranker]
    filled = reranker.model_copy(update={"backend": reranker.backend.filled(**asdict(cell))})
    return made.deciding() == filled.deciding()


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _age(path: Path) -> float:
    """Seconds since a file was written; without end where it is not there."""
    return time.time() - path.stat().st_mtime if path.is_file() else float("inf")


def _locked(journal: Path) -> bool:
    """Whether a process is writing a journal."""
    with journal.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # the file system has no locks
            return False
    return False


def _error(log: Path) -> str:
    """Name and last message of a log that ends in an error; empty for another one."""
    if not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""]
    last = MESSAGE.match(lines[-1])
    if last and last[1] != "ERROR":
        return ""
    if last or any((found := MESSAGE.match(line)) and found[1] == "ERROR" for line in lines):
        return f"{log}: {last[2] if last else lines[-1]}"
    return ""

"""Progress that Snakemake's process shows while jobs run: from time to time a line per job."""

import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

from rankk import paths
from rankk.experiment import Experiment
from rankk.progress import SUFFIX, duration
from rankk.report.style import shortened
from rankk.terminal import cut

AFFECTS_RESULTS = False

LOOK = 2.0
FIRST, LONGEST, GROWTH = 10.0, 600.0, 1.5
"""Seconds until a job's first line, between two of its lines at most, and the factor by which that time grows."""
STALE = 60.0
"""Seconds without news after which a line tells how old it is."""


def watch(experiment: Experiment) -> None:
    """Show what jobs are doing until this process ends.

    Lines are only added, never redrawn: jobs, libraries and Snakemake write to the same terminal. The files of jobs
    are read (`rankk.progress`), so jobs on other machines of a cluster are shown too. Those that jobs of an earlier
    process have left because they were killed are removed.
    """
    for file in _files():
        file.unlink(missing_ok=True)
    Thread(target=_show, args=(_names(experiment),), daemon=True).start()


def _show(names: Mapping[Path, str]) -> None:
    due: dict[Path, tuple[float, float]] = {}
    while True:
        time.sleep(LOOK)
        now = time.monotonic()
        due = {file: due.get(file, (now + FIRST, FIRST)) for file in _files()}
        for file, (when, wait) in due.items():
            if now >= when and (told := doing(file)):
                name = names.get(file) or file.relative_to(paths.logs()).with_suffix("").as_posix()
                print(line(name, told), file=sys.stderr, flush=True)
                wait = min(LONGEST, wait * GROWTH)
                due[file] = (now + wait, wait)


def line(name: str, told: str) -> str:
    """A job's line, not longer than the terminal: of a long name the middle is left out."""
    if sys.stderr.isatty():
        name = shortened(name, shutil.get_terminal_size().columns - len(told) - 2)
    return cut(f"{name}: {told}", stream=sys.stderr)


def doing(file: str | Path) -> str:
    """What a job is doing, read from its file, and for how long there was no news; empty if it does not run."""
    try:
        told = Path(file).read_text(encoding="utf-8")
        age = time.time() - Path(file).stat().st_mtime
    except OSError:
        return ""
    return f"{told}, no news for {duration(age)}" if told and age > STALE else told


def _files() -> list[Path]:
    return sorted(Path(paths.logs()).rglob(f"*{SUFFIX}"))


def _names(experiment: Experiment) -> dict[Path, str]:
    """Names of cells by their jobs' files."""
    return {Path(paths.log("runs", *cell.names)).with_suffix(SUFFIX): str(cell) for cell in experiment.cells}

"""Progress: a bar on a terminal; for a workflow's job a line in a file, which `rankk.watch` shows."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

AFFECTS_RESULTS = False

SUFFIX = ".now"
"""Suffix of the file beside a running job's log, which contains one line: what the job is doing."""
WAITING = "waiting for the engine"
"""The line while an engine starts."""
READING = "waiting for the first answer"
"""The line from then on until the engine has answered a call."""


class _Job:
    """The file of the workflow job that this process runs, as a stream for tqdm; each line replaces the one before."""

    file: Path | None = None

    def write(self, text: str) -> None:
        if self.file and (line := text.strip()):
            self.file.write_text(line, encoding="utf-8")

    def flush(self) -> None:
        pass


_JOB = _Job()


@contextmanager
def told_beside(log: str | Path) -> Iterator[None]:
    """Within the block, progress is written to the file beside the log instead of to the terminal."""
    _JOB.file = Path(log).with_suffix(SUFFIX)
    try:
        yield
    finally:
        _JOB.file.unlink(missing_ok=True)
        _JOB.file = None


def tell(text: str) -> None:
    """Write what the job of this process is doing now; without a job, do nothing."""
    _JOB.write(text)


def bar(
    items: Iterable[Any] | None = None, *, what: str, unit: str, total: int | None = None, form: str | None = None
) -> Any:
    """A tqdm bar over `items`, or to be moved by `.update()`. `form`: tqdm's `bar_format`, instead of the usual one.

    It is drawn on standard error: on a terminal live, into a file as a line every half minute. Within a workflow's job
    it is a line of text in the job's file (`told_beside`).
    """
    target: Any = _JOB if _JOB.file else sys.stderr
    if _JOB.file and form is None:
        form = "{desc}: {n_fmt}" + (" of {total_fmt}{unit}, {remaining} left" if total else "{unit}")
    return tqdm(
        items,
        desc=what,
        unit=f" {unit}",
        unit_scale=unit == "B",
        total=total,
        mininterval=0.5 if _JOB.file or sys.stderr.isatty() else 30.0,
        dynamic_ncols=True,
        bar_format=form,
        file=target,
    )


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03, or 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

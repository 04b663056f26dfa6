"""Logging of commands and workflow jobs."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rankk.component import load_plugins
from rankk.errors import one_line
from rankk.jobs import shared_plugins
from rankk.progress import told_beside

AFFECTS_RESULTS = False

FORMAT = "%(asctime)s %(levelname)s %(message)s"


def to_stderr(level: int = logging.INFO) -> None:
    """Log rankk's messages to standard error."""
    logging.basicConfig(format=FORMAT, datefmt="%H:%M:%S", stream=sys.stderr)
    logging.getLogger("rankk").setLevel(level)


@contextmanager
def job(log: str | Path, *, network: bool = False) -> Iterator[logging.Logger]:
    """A workflow job: its messages go to its log file; warnings and a user's error, in one line, to the terminal too.

    Its progress is written to a file beside the log (`rankk.progress`), which Snakemake's process shows.

    Without `network`, the hub's libraries use local files only, because compute nodes often have no network and would
    wait for a timeout. The libraries read this setting when they are imported, so they must be imported inside the job.
    """
    os.environ["HF_HUB_OFFLINE"] = "0" if network else "1"
    logger = logging.getLogger("rankk")
    logger.setLevel(logging.INFO)
    file = logging.FileHandler(log, mode="w", encoding="utf-8")
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    for handler in (file, terminal):
        handler.setFormatter(logging.Formatter(FORMAT, "%H:%M:%S"))
        logger.addHandler(handler)
    try:
        load_plugins(shared_plugins())
        with told_beside(log):
            yield logger
    except Exception as error:
        if (told := one_line(error)) is None:
            logger.exception("failed")
            raise
        logger.error("%s", told)
        sys.exit(1)

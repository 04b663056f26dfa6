"""The limit on unusable answers of a cell (`max_bad_outcomes`)."""

from collections import Counter
from pathlib import Path

from rankk.errors import RankkError
from rankk.io.files import atomic_write, read_json
from rankk.reranking.outputs import RunFiles
from rankk.reranking.tally import shown, unusable_share

AFFECTS_RESULTS = False


def check_outcomes(outcomes: Counter[str], limit: float, journal: str | Path | None) -> None:
    """RankkError where the share of unusable answers is above the limit (`max_bad_outcomes`)."""
    if (share := unusable_share(outcomes)) > limit:
        raise RankkError(
            f"{share:.1%} of the answers could not be used ({shown(outcomes)}); max_bad_outcomes allows {limit:.1%}"
            + (f". rankk calls {journal} shows them" if journal else "")
        )


def check_cell(manifest: str | Path, limit: float, output: str | Path) -> None:
    """Write a finished cell's outcomes to `output`, unless `check_outcomes` refuses what its manifest counts."""
    outcomes = Counter(read_json(manifest)["calls"]["outcomes"])
    journal = RunFiles.of(Path(manifest).with_suffix(".trec")).journal
    check_outcomes(outcomes, limit, journal)
    with atomic_write(output) as file:
        file.write(f"{shown(outcomes)}\n")

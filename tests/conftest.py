"""What tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DL19 = Path(os.environ.get("RANKK_DATA", ROOT.parent / "shared" / "data")) / "dl19"


@pytest.fixture
def dl19() -> Path:
    """TREC DL19's published lists and answers; they are not part of the project (MS MARCO's terms)."""
    if not DL19.is_dir():
        pytest.skip(f"{DL19} is not there; RANKK_DATA names its place")
    return DL19

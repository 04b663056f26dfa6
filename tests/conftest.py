"""What tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DL19 = Path(os.environ.get("RANKK_DATA", ROOT.parent / "shared" / "data")) / "dl19"
MINI = ROOT / "resources" / "mini"


def mini_collection(**changes: object) -> dict[str, object]:
    """The embedded collection as a files entry of a configuration, English queries only."""
    places = {"passages": str(MINI / "passages.jsonl"), "queries": {"eng": str(MINI / "queries.eng.tsv")}}
    return {"source": "files", "language": "eng", "qrels": str(MINI / "qrels.txt")} | places | changes


@pytest.fixture
def dl19() -> Path:
    """TREC DL19's published lists and answers; they are not part of the project (MS MARCO's terms)."""
    if not DL19.is_dir():
        pytest.skip(f"{DL19} is not there; RANKK_DATA names its place")
    return DL19

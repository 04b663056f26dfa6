"""What tests share."""

import os
from pathlib import Path

import pytest

GROUPS = {"slurm": "daemons", "training": "engines", "llm": "engines", "workflow": "", "fault": "", "packaging": ""}
"""Folders whose tests take long, and so come first. Those with a name run in one process, whatever runs in others."""

ROOT = Path(__file__).parents[1]
DL19 = Path(os.environ.get("RANKK_DATA", ROOT.parent / "shared" / "data")) / "dl19"
MINI = ROOT / "resources" / "mini"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several processes (`--dist loadgroup`), tests of a module share one, and so its fixtures."""
    order = list(GROUPS)
    for item in items:
        if config.pluginmanager.hasplugin("xdist"):
            item.add_marker(pytest.mark.xdist_group(GROUPS.get(item.path.parent.name) or str(item.path)))
    items.sort(key=lambda item: order.index(name) if (name := item.path.parent.name) in order else len(order))


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

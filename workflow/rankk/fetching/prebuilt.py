"""Lucene indexes that Pyserini's makers publish, by name; their addresses and checksums are in Anserini's jar."""

import json
import os
import shutil
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from rankk.errors import RankkError
from rankk.fetching.download import download
from rankk.retrievers.lucene import jar

HUB = "https://huggingface.co"
TYPES = {"bm25": "inverted", "splade": "impact"}


@dataclass(frozen=True)
class PrebuiltIndex:
    """A published index. `size`: bytes of its archive."""

    name: str
    type: Literal["inverted", "impact"]
    url: str
    md5: str
    size: int


@cache
def known() -> dict[str, PrebuiltIndex]:
    """Every inverted and impact index that the installed Anserini knows, by name."""
    found = {}
    with zipfile.ZipFile(jar()) as archive:
        for file in archive.namelist():
            if file.startswith("prebuilt-indexes/") and file.endswith(".json"):
                for entry in json.loads(archive.read(file)):
                    if entry["type"] in TYPES.values():
                        found[entry["name"]] = PrebuiltIndex(
                            entry["name"], entry["type"], entry["urls"][0], entry["md5"], entry["compressed_size"]
                        )
    return found


def named(name: str) -> PrebuiltIndex:
    """The index of that name. RankkError where Anserini knows none."""
    if name not in known():
        raise RankkError(f"{name!r} is no prebuilt index; Anserini knows {', '.join(sorted(known()))}")
    return known()[name]


def fetch(index: PrebuiltIndex, folder: Path) -> None:
    """Download and unpack an index into `folder`, which appears when complete. HF_ENDPOINT names a mirror of the hub.

    Raises RankkError where the archive cannot be fetched or is not the published one.
    """
    url = index.url.replace(HUB, os.environ.get("HF_ENDPOINT", HUB), 1)
    archive = folder.with_name(f"{folder.name}.tar.gz")
    download(url, archive, size=index.size, checksum=("md5", index.md5))
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        with tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
        (unpacked,) = Path(scratch).iterdir()
        if folder.exists():
            shutil.rmtree(folder)
        unpacked.rename(folder)
    archive.unlink()

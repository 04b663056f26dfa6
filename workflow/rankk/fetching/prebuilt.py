"""Lucene indexes that the authors of Anserini publish; Anserini's jar holds their names, URLs and checksums."""

import json
import os
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from rankk.errors import RankkError
from rankk.fetching.base import Download
from rankk.fetching.download import download
from rankk.io.kept import kept
from rankk.retrievers.lucene import jar

HUB = "https://huggingface.co"
TYPES = ("inverted", "impact", "flat", "hnsw")


@dataclass(frozen=True)
class PrebuiltIndex:
    """A published index. `url`, `md5` and `size` (bytes) are those of its archive."""

    name: str
    type: Literal["inverted", "impact", "flat", "hnsw"]
    url: str
    md5: str
    size: int


@cache
def known() -> dict[str, PrebuiltIndex]:
    """Every index of a type in `TYPES` that the installed Anserini knows, by name."""
    archive = jar()
    status = archive.stat()
    entries = kept(__file__, f"{archive} {status.st_size} {status.st_mtime_ns}", "entries", lambda: _entries(archive))
    return {name: PrebuiltIndex(name, *fields) for name, *fields in entries if fields[0] in TYPES}


def _entries(archive: Path) -> list[list[str | int]]:
    """Name, type, URL, MD5 and size of the indexes in Anserini's jar, whose 27,000 names take a while to read."""
    with zipfile.ZipFile(archive) as opened:
        return [
            [entry["name"], entry["type"], entry["urls"][0], entry["md5"], entry["compressed_size"]]
            for file in opened.namelist()
            if file.startswith("prebuilt-indexes/") and file.endswith(".json")
            for entry in json.loads(opened.read(file))
        ]


def named(name: str) -> PrebuiltIndex:
    """The index of that name. RankkError if the installed Anserini does not know it."""
    if name not in known():
        raise RankkError(f"{name!r} is no prebuilt index; Anserini knows {', '.join(sorted(known()))}")
    return known()[name]


class PrebuiltDownload(Download):
    """A published Lucene index, named as in the installed Anserini."""

    name = "prebuilt-index"

    index: str = Field(description="Anserini's name of the index")

    @property
    def target(self) -> str:
        """The index's name."""
        return f"indexes/{self.index}"

    def fetch(self, folder: Path) -> None:
        """Download and unpack the index. HF_ENDPOINT may name a mirror of the hub. Interrupted downloads resume.

        RankkError if the archive cannot be fetched or its checksum is not the published one.
        """
        index = named(self.index)
        archive = folder.parent.with_name(f"{self.index}.tar.gz")  # outside of the scratch folder, to be resumed
        unpack(index, archive, folder)
        archive.unlink()


def unpack(index: PrebuiltIndex, archive: Path, folder: Path) -> None:
    """Download an index's archive to `archive` and unpack it into the new `folder`."""
    url = index.url.replace(HUB, os.environ.get("HF_ENDPOINT", HUB), 1)
    download(url, archive, size=index.size, checksum=("md5", index.md5))
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        with tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
        (content,) = Path(scratch).iterdir()
        content.rename(folder)

"""Downloads: the only jobs that use a network."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from rankk import paths
from rankk.component import Component, Registry


class Download(Component):
    """Something that is fetched from a network into a folder of its own, before any other job starts.

    Subclasses are settings of what is fetched, and `fetch` it into an empty folder.
    """

    @property
    def target(self) -> str:
        """Name of the folder below results/downloads; it must tell this download from every other."""
        raise NotImplementedError

    @property
    def path(self) -> str:
        """The folder."""
        return paths.download(self.target)

    def params(self) -> dict[str, Any]:
        """Parameters of the download, for Snakemake; without the code, whose edits must not fetch gigabytes again."""
        return self.deciding()

    def fetch(self, folder: Path) -> None:
        """Fetch into an empty folder, or make `folder` a link. RankkError says what could not be fetched and why."""
        raise NotImplementedError

    def run(self, target: str | Path) -> None:
        """Fetch into `target`, which appears only when everything is there."""
        folder = Path(target)
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            self.fetch(scratch / "download")
            if folder.is_symlink():
                folder.unlink()
            elif folder.exists():
                shutil.rmtree(folder)
            (scratch / "download").rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


DOWNLOADS: Registry[Download] = Registry("download", Download, "rankk.fetching", "rankk.corpora")

"""Base class of downloads, the only jobs that use a network."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from rankk import paths
from rankk.component import Component, Registry


class Download(Component):
    """Something that is fetched from a network into its own folder, before any other job starts.

    The fields of a subclass say what is fetched; its method `fetch` fetches it.
    """

    @property
    def target(self) -> str:
        """Name of the folder below results/downloads; it must be different for every download."""
        raise NotImplementedError

    @property
    def path(self) -> str:
        """Path of the folder."""
        return paths.download(self.target)

    def params(self) -> dict[str, Any]:
        """Parameters of the download for Snakemake, without the code: editing it must not fetch gigabytes again."""
        return self.deciding()

    def fetch(self, folder: Path) -> None:
        """Create `folder`, which does not exist yet, and fetch into it, or make it a link.

        RankkError says what could not be fetched and why.
        """
        raise NotImplementedError

    def run(self, target: str | Path) -> None:
        """Fetch into the folder `target`, which appears only when the download is complete."""
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

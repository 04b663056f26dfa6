"""Large files by their address: resumed where they were cut off, checked, then moved into place."""

import hashlib
from pathlib import Path

from rankk.errors import RankkError
from rankk.progress import bar

CHUNK = 1 << 20
PATIENCE = 60
"""Seconds without a byte after which a server counts as gone."""


def download(url: str, target: Path, *, size: int, checksum: tuple[str, str]) -> None:
    """Fetch `size` bytes into `target`. `checksum`: algorithm and hexadecimal digest, as the file's owner publishes it.

    What a cut-off download left beside the target (.partial) is kept and gone on with. Raises RankkError with the
    address and the size where the server refuses or goes away, and where the file is not the right one.
    """
    import requests

    partial = target.with_name(f"{target.name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    there = partial.stat().st_size if partial.exists() else 0
    what = f"{url} ({size / 1e9:.1f} GB)"
    try:
        if there < size:
            with requests.get(url, headers={"Range": f"bytes={there}-"}, stream=True, timeout=PATIENCE) as answer:
                answer.raise_for_status()
                resumed = answer.status_code == requests.codes.partial_content
                with (
                    partial.open("ab" if resumed else "wb") as file,
                    bar(what=target.name, unit="B", total=size) as progress,
                ):
                    progress.update(there if resumed else 0)
                    for chunk in answer.iter_content(CHUNK):
                        file.write(chunk)
                        progress.update(len(chunk))
    except requests.RequestException as error:
        raise RankkError(
            f"{what}: {' '.join(str(error).split())[:200]}; what came is kept, run `snakemake downloads` again where "
            "there is a network"
        ) from None
    algorithm, expected = checksum
    with partial.open("rb") as file:
        digest = hashlib.file_digest(file, algorithm).hexdigest()
    if digest != expected:
        partial.unlink()
        raise RankkError(f"{what}: {algorithm} is {digest}, expected {expected}; it was removed, run again")
    partial.replace(target)

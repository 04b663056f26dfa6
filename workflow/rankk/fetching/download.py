"""Downloads large files from a URL. Interrupted downloads resume; a file appears only if its checksum is right."""

import hashlib
from pathlib import Path

from rankk.errors import RankkError
from rankk.progress import bar

CHUNK = 1 << 20
PATIENCE = 60
"""Seconds without data after which the connection is given up."""


def download(url: str, target: Path, *, size: int, checksum: tuple[str, str]) -> None:
    """Fetch a file of `size` bytes into `target`.

    `checksum`: algorithm and hexadecimal digest, as the file's owner publishes it. An interrupted download leaves a
    .partial file beside the target, and the next call continues it. RankkError with URL and size if the server refuses
    or stops answering, or if the file's digest is a different one.
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

"""Copies of large folders on a node's local disk; each is made once per node and used by all jobs there."""

import fcntl
import logging
import shutil
from hashlib import sha256
from pathlib import Path

log = logging.getLogger("rankk")


def on_this_node(folder: str | Path, scratch: str | None) -> str:
    """Path of a copy of `folder` below `scratch`; the folder itself if `scratch` is None or its disk has no room.

    Jobs that need the same copy at the same time wait until the first one has made it. If files in the folder have
    changed, a new copy is made.
    """
    if not scratch:
        return str(folder)
    source = Path(folder).resolve()
    files = [(path, path.stat()) for path in sorted(source.rglob("*")) if path.is_file()]
    state = "".join(f"{path}{facts.st_size}{facts.st_mtime_ns}" for path, facts in files)
    copy = Path(scratch) / "rankk" / f"{source.name}-{sha256(state.encode()).hexdigest()[:16]}"
    copy.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{copy}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not copy.exists():
            wanted, free = sum(facts.st_size for _, facts in files), shutil.disk_usage(copy.parent).free
            if wanted > free:
                log.warning("%s: %.1f GB do not fit into %s (%.1f GB free)", folder, wanted / 1e9, scratch, free / 1e9)
                return str(folder)
            partial = Path(f"{copy}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(source, partial)
            partial.rename(copy)
            log.info("%s: copied to %s (%.1f GB)", folder, copy, wanted / 1e9)
    return str(copy)

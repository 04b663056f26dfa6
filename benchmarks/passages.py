"""The passage store against a scan of the file: seconds to build, open and read passages by id, and peak memory."""

import argparse
import random
import resource
import tempfile
import time
from pathlib import Path

from common import report, words

from rankk.io.passages import PassageStore, ScannedPassages, build_store, index_path


def peak() -> float:
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Build a corpus of synthetic passages of about 56 words (the mean of MS MARCO), then read some of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--wanted", type=int, default=1000, help="passages to read by id")
    parser.add_argument("--folder", type=Path, help="where to build (default: a temporary folder)")
    options = parser.parse_args()
    draw, vocabulary = random.Random(0), words()
    texts = [" ".join(draw.choices(vocabulary, k=56)) for _ in range(1000)]
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        path, before = Path(name, "passages.jsonl"), peak()
        began = time.perf_counter()
        with build_store(path) as add:
            for number in range(options.passages):
                add(str(number), texts[number % len(texts)])
        built, grown = time.perf_counter() - began, peak() - before
        ids = [str(number) for number in draw.sample(range(options.passages), options.wanted)]
        began = time.perf_counter()
        store = PassageStore(path)
        opened = time.perf_counter() - began
        store.require(ids)
        assert all(store[docid] == texts[int(docid) % len(texts)] for docid in ids)
        read = time.perf_counter() - began
        store.close()
        began = time.perf_counter()
        ScannedPassages(path, ids).close()
        scanned = time.perf_counter() - began
        row: dict[str, object] = {
            "passages": options.passages,
            "build s": built,
            "build MB": grown,
            "file GB": path.stat().st_size / 1e9,
            "index GB": index_path(path).stat().st_size / 1e9,
            "open ms": 1000 * opened,
            f"open and read {options.wanted} ms": 1000 * read,
            "scan s": scanned,
        }
    report("passages", [row])


if __name__ == "__main__":
    main()

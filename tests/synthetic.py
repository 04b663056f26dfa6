"""A made-up first stage with its queries and passages."""

import json
from pathlib import Path

from rankk.io.runs import ranked
from rankk.io.trec import write_run


def write(folder: Path, *, queries: int, depth: int) -> list[str]:
    """Files in `folder`; returns the options that name them for `rankk rerank`."""
    texts = {f"d{i}": f"passage number {i} tells of subject {i % 7}" for i in range(depth)}
    with (folder / "passages.jsonl").open("w") as file:
        file.writelines(json.dumps({"id": docid, "contents": text}) + "\n" for docid, text in texts.items())
    (folder / "queries.tsv").write_text("".join(f"q{i}\tsubject {i}\n" for i in range(queries)))
    docids = list(texts)
    run = {f"q{i}": ranked(docids[i % depth :] + docids[: i % depth]) for i in range(queries)}
    write_run(folder / "first.trec", run, "first")
    return [
        f"--{name}={folder / file}"
        for name, file in (("run", "first.trec"), ("queries", "queries.tsv"), ("passages", "passages.jsonl"))
    ]

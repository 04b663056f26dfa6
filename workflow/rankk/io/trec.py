"""TREC's plain files: runs, qrels and queries.

A run keeps the order of its first stage, however tied its scores are: lines are read by score, then by the
rank column; written scores decrease strictly even as 32-bit floats, which is what trec_eval compares.
"""

import logging
import math
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rankk.errors import RankkError
from rankk.io.files import atomic_write
from rankk.io.runs import Hit, Lines, Run, StoredRun
from rankk.io.text import read_lines, replace_surrogates
from rankk.io.yaml_files import dump_yaml, parse_yaml

log = logging.getLogger("rankk")

SHOWN = 100
"""Characters of a faulty line that are shown."""
LINE_BREAK = "\u2028"
"""Unicode's line separator: what stands for a line break within a query, because a query is one line of its file."""
UNFIT = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")
"""Characters that an identifier must not contain: blanks separate the fields of TREC's files."""
WHOLE = re.compile(r"([+-]?\d{1,9})(?:\.0*)?", re.ASCII)
"""A whole number, also as 2.0."""
HEADER = re.compile(r"_?id|qid|number|num|(?:query|topic)[-_ ]?(?:id|number|num)?", re.IGNORECASE)
"""Names of the first column in a header line."""
METADATA = "# ir_metadata.start", "# ir_metadata.end"
"""First and last line of a run's metadata (Breuer et al. 2022, ir_metadata 0.1): YAML, with "# " before each line."""


Qrels = dict[str, dict[str, int]]
"""Grades by query id and passage id."""


def check_id(identifier: Any, where: str, what: str) -> str:
    """An identifier that TREC's files can hold, a whole number as its digits; RankkError says what was found instead.

    `what` names it in the message, e.g. "passage id".
    """
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        return str(identifier)
    if not isinstance(identifier, str) or not identifier:
        raise RankkError(f"{where}: {what}: expected a text or a whole number, found {identifier!r:.{SHOWN}}")
    if UNFIT.search(identifier):
        raise RankkError(
            f"{where}: {what} {identifier!r:.{SHOWN}} holds a blank or a control character, which TREC files cannot; "
            "write _ for it in all files"
        )
    return identifier


def read_run(path: str | Path, *, allow_empty: bool = False) -> Run:
    """Read `qid Q0 docid rank score tag` lines; a block of ir_metadata is passed over.

    RankkError names file and line of what is not one, of a score that is no finite number, of a passage that a query
    holds twice; and a file without any line, unless `allow_empty`.
    """
    run = StoredRun()
    opened: dict[str, Lines] = {}  # of the query that is being read, and of those whose lines are not contiguous
    apart: set[str] = set()
    current = None
    for number, line in _without_metadata(path):
        fields = line.split()
        if not fields:
            continue
        try:
            qid, _, docid, rank, score, _ = fields
            if qid != current:
                if current is not None and current not in apart:
                    run.store(current, _sorted(opened.pop(current), f"{path}: query {current}"))
                if qid in run and qid not in apart:
                    apart.add(qid)
                    opened[qid] = run.lines(qid)
                docids, scores, ranks = opened.setdefault(qid, ([], array("d"), array("q")))
                current = qid
            scores.append(float(score))
            ranks.append(int(rank))
            # Accepted by Python but not by other programs: nan, inf, 1_0, digits of other scripts.
            if not math.isfinite(scores[-1]) or "_" in (digits := score + rank) or not digits.isascii():
                raise ValueError
        except (ValueError, OverflowError):
            reason = "rank and score must be finite numbers"
            raise _fault(path, number, line, "qid Q0 docid rank score tag", reason) from None
        docids.append(docid)
    for qid, lines in opened.items():
        run.store(qid, _sorted(lines, f"{path}: query {qid}"))
    if not run and not allow_empty:
        raise RankkError(f"{path}: holds no line of a run")
    return run


def _sorted(lines: Lines, where: str) -> Lines:
    """Lines by score, then by rank, then in their order. RankkError for a passage that stands twice."""
    docids, scores, ranks = lines
    if len(set(docids)) != len(docids):
        twice = next(docid for docid in docids if docids.count(docid) > 1)
        raise RankkError(f"{where} holds passage {twice} twice")
    if len(set(scores)) == len(scores) and sorted(scores, reverse=True) == scores.tolist():
        return lines
    order = sorted(range(len(docids)), key=lambda i: (-scores[i], ranks[i]))
    return [docids[i] for i in order], array("d", [scores[i] for i in order]), array("q", [ranks[i] for i in order])


def write_run(
    path: str | Path, run: Mapping[str, Sequence[Hit]], tag: str, metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a run atomically: ranks from 1, scores strictly decreasing in the order given.

    `tag`: blanks in it are written as `_`. `metadata`: written before the run as ir_metadata. RankkError names an
    identifier or a score that no run can hold.
    """
    tag = "_".join(tag.split()) or "rankk"
    with atomic_write(path) as file:
        if metadata:
            lines = [f"# {line}" for line in dump_yaml(metadata).splitlines()]
            file.writelines(f"{line}\n" for line in (METADATA[0], *lines, METADATA[1]))
        for qid, hits in run.items():
            check_id(qid, str(path), "query id")
            previous = math.inf
            for rank, hit in enumerate(hits, 1):
                if UNFIT.search(hit.docid) or not math.isfinite(hit.score):
                    check_id(hit.docid, f"{path}: query {qid}", "passage id")
                    raise RankkError(f"{path}: query {qid}: passage {hit.docid} has the score {hit.score}")
                # The smallest step that survives 6 decimals and trec_eval's 32-bit floats.
                step = max(1e-6, abs(hit.score) * 2**-22)
                previous = min(hit.score, previous - step)
                file.write(f"{qid} Q0 {hit.docid} {rank} {previous:.6f} {tag}\n")


def read_metadata(path: str | Path) -> dict[str, Any]:
    """The ir_metadata at the beginning of a run; empty where there is none."""
    block: list[str] = []
    for _ in _without_metadata(path, block):
        pass
    content = parse_yaml("\n".join(block), f"{path}: ir_metadata") if block else {}
    if not isinstance(content, dict):
        raise RankkError(f"{path}: ir_metadata: expected keys and values, found {type(content).__name__}")
    return content


def read_qrels(path: str | Path) -> Qrels:
    """Read `qid 0 docid grade` lines; a pair that stands twice with the same grade is warned of.

    RankkError names file and line of what is not one, of a grade that is no whole number (2.0 is one), and both lines
    of grades that contradict each other.
    """
    qrels: Qrels = {}
    lines: dict[str, array[int]] = {}  # of the grades in `qrels`, in the same order
    again = 0
    for number, line in read_lines(path):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 4 or not (whole := WHOLE.fullmatch(fields[3])):
            raise _fault(path, number, line, "qid 0 docid grade", "a grade must be a whole number")
        qid, _, docid, _ = fields
        grades, grade = qrels.setdefault(qid, {}), int(whole[1])
        if docid not in grades:
            grades[docid] = grade
            lines.setdefault(qid, array("q")).append(number)
        elif grades[docid] == grade:
            again += 1
        else:
            first = lines[qid][list(grades).index(docid)]
            raise RankkError(
                f"{path}:{number}: query {qid}, passage {docid} has grade {grade} here and {grades[docid]} in line "
                f"{first}; remove one of the lines"
            )
    if again:
        log.warning("%s: %d judgments stand twice, with the same grade", path, again)
    return qrels


def read_queries(path: str | Path) -> dict[str, str]:
    """Query text by id, in the file's order, from `qid<TAB>text` lines.

    RankkError names file and line of what is not one, also of a header line.
    """
    queries: dict[str, str] = {}
    for number, line in read_lines(path):
        if not line.strip():
            continue
        qid, tab, text = line.partition("\t")
        if not (qid and tab and text.strip()) or (number == 1 and HEADER.fullmatch(qid.strip())):
            raise _fault(path, number, line, "qid<TAB>text")
        if columns := text.strip().count("\t"):
            raise RankkError(
                f"{path}:{number}: query {qid} has {columns + 2} columns, expected qid<TAB>text; remove the others, or "
                "put blanks for tabs in the text"
            )
        check_id(qid, f"{path}:{number}", "query id")
        if qid in queries:
            raise RankkError(f"{path}:{number}: query {qid} stands twice")
        queries[qid] = text.strip().replace(LINE_BREAK, "\n")
    return queries


def write_queries(path: str | Path, queries: Mapping[str, str]) -> None:
    """Write queries atomically for `read_queries`. Within a query a line break is kept (as U+2028), a tab is a blank.

    RankkError names an id that TREC's files cannot hold, and a query without text.
    """
    with atomic_write(path) as file:
        for qid, text in queries.items():
            lines = (line.rstrip() for line in replace_surrogates(text).replace("\t", " ").strip().splitlines())
            if not text.strip():
                raise RankkError(f"{path}: query {qid} has no text")
            file.write(f"{check_id(qid, str(path), 'query id')}\t{LINE_BREAK.join(lines)}\n")


Excluded = dict[str, set[str]]
"""Passages by query id that no run may hold (BRIGHT: where the query was taken from)."""


def read_excluded(path: str | Path) -> Excluded:
    """Excluded passage ids by query id, from `qid<TAB>docid` lines."""
    excluded: Excluded = {}
    for number, line in read_lines(path):
        if not line.strip():
            continue
        qid, tab, docid = line.partition("\t")
        if not (qid and tab and docid) or (number == 1 and HEADER.fullmatch(qid.strip())):
            raise _fault(path, number, line, "qid<TAB>docid")
        check_id(qid, f"{path}:{number}", "query id")
        excluded.setdefault(qid, set()).add(check_id(docid, f"{path}:{number}", "passage id"))
    return excluded


def without(run: Mapping[str, Sequence[Hit]], excluded: Excluded, depth: int | None = None) -> Run:
    """The run without a query's excluded passages, cut to `depth` afterwards."""
    return {qid: [hit for hit in hits if hit.docid not in excluded.get(qid, ())][:depth] for qid, hits in run.items()}


def _without_metadata(path: str | Path, block: list[str] | None = None) -> Iterator[tuple[int, str]]:
    """Numbered lines of a run; those of ir_metadata go into `block` instead."""
    start = 0
    for number, line in read_lines(path):
        if not start and not line.startswith("#"):
            yield number, line
        elif start:
            if line.strip() == METADATA[1]:
                start = 0
            elif block is not None:
                block.append(line.removeprefix("#").removeprefix(" "))
        elif line.strip() == METADATA[0]:
            start = number
        else:
            yield number, line
    if start:
        raise RankkError(f"{path}:{start}: {METADATA[0]!r} without {METADATA[1]!r} behind it")


def _fault(path: str | Path, number: int, line: str, expected: str, numbers: str = "") -> RankkError:
    """An error for a line that is not as expected; `numbers`: what is wrong where it has the right number of fields."""
    fields = line.split()
    reason = numbers
    if number == 1 and fields and HEADER.fullmatch(fields[0]):
        reason = "remove the header line"
    elif "\t" not in expected and len(fields) != len(expected.split()):
        reason = f"{len(fields)} fields"
    return RankkError(
        f"{path}:{number}: expected '{expected}', found {line.strip()!r:.{SHOWN}}{f' ({reason})' if reason else ''}"
    )

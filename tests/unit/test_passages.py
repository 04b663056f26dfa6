"""Passages are read once and kept outside memory."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankk.errors import RankkError
from rankk.io.passages import PassageStore


@given(texts=st.dictionaries(st.text("abc", min_size=1), st.text(), min_size=1))
def test_every_text_comes_back_as_it_was(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("p") / "passages.jsonl"
    path.write_text("".join(json.dumps({"id": docid, "contents": text}) + "\n" for docid, text in texts.items()))
    with PassageStore(path, texts.keys()) as store:
        assert dict(store) == texts


def test_missing_passages_are_named(tmp_path):
    (tmp_path / "p").write_text('{"id": "a", "contents": "x"}\n')
    with pytest.raises(RankkError, match=r"1 passages of the run are not there, e\.g\. b"):
        PassageStore(tmp_path / "p", {"a", "b"})

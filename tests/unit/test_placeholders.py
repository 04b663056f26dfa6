"""Placeholders in paths, and names."""

import pytest
from pydantic import TypeAdapter, ValidationError

from rankk.config.base import Name
from rankk.errors import RankkError
from rankk.placeholders import fill


def test_placeholders_are_replaced_once_and_double_braces_stand_for_braces():
    assert fill("{a}/{b}.{a}", "x", a="{b}", b="2") == "{b}/2.{b}"
    assert fill("{{a}}/{a}", "x", a="1") == "{a}/1"
    assert fill("plain", "x") == "plain"


@pytest.mark.parametrize(
    ("text", "placeholder"),
    [
        ("p/{nope}", "{nope}"),
        ("p/{0}", "{0}"),
        ("p/{}", "{}"),
        ("p/{", "{"),
        ("p/}", "}"),
        ("p/{{{a}", None),
        ("p/{a!r}", "{a!r}"),
        ("p/{a.__class__}", "{a.__class__}"),
        ("p/{a:>2000000000}", "{a:>2000000000}"),
        ("p/{a{b}}", "{"),
    ],
)
def test_any_other_placeholder_is_named_with_those_that_are_known(text, placeholder):
    if placeholder is None:
        assert fill(text, "x", a="1") == "p/{1"
        return
    with pytest.raises(RankkError) as raised:
        fill(text, "x.yaml: retrievers.r.path", a="1", b="2")
    assert str(raised.value) == (
        f"x.yaml: retrievers.r.path: {text!r}: unknown placeholder {placeholder}; expected {{a}}, {{b}}"
    )


@pytest.mark.parametrize("name", ["bm25", "Rank-K_32B", "splade-v3+bm25", "2022", "x" * 100])
def test_a_name_is_kept(name):
    assert TypeAdapter(Name).validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a/b", "..", ".hidden", "-x", "a$b", "{x}", "a\n", "naïve", "x" * 101, "none", "average", "<b>", "a*"],
)
def test_a_name_that_cannot_stand_in_paths_and_tables_is_refused(name):
    with pytest.raises(ValidationError, match=r"a name has 1 to 100 letters|is a reserved name"):
        TypeAdapter(Name).validate_python(name)

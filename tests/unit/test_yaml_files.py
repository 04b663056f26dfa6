"""YAML of users: what a plain reader takes without a word, or never ends with, is one line with file and line."""

import pytest

from rankk.errors import RankkError
from rankk.io.yaml_files import dump_yaml, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\nb: {c: 1, d: 2, c: 3}\n", r"f:2: 'c' stands twice, first in line 2"),
        ("a: 1\n'a': 2\n", r"f:2: 'a' stands twice, first in line 1"),
        ("a: 1\nno: 2\n", r"f:2: no as a key is no text for YAML; put it in quotes"),
        ("2022: 2\n", r"f:1: 2022 as a key .* put it in quotes"),
        ("{{x}: y}\n", r"f:1: a list or a mapping as a key"),
        ("a: [1\n", r"f:1: not YAML: while parsing a flow sequence, expected ',' or ']'"),
        ("a: !!python/object/apply:os.system [x]\n", r"f:1: not YAML: could not determine a constructor"),
        ("a: " + "1" * 5000, r"f: not YAML: Exceeds the limit \(4300 digits\)"),
        ("a: 2022-02-30\n", r"f: not YAML: day is out of range"),
        ("a: " + "[" * 100_000, r"f:1: more than 50 levels"),
        ("- " * 10_000, r"f:1: more than 50 levels"),
        ("a: " + "[" * 60 + "]" * 60, r"f:1: more than 50 levels"),
        ("a: &x [*x]\n", r"f:1: more than 50 levels"),
        (
            "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
            r"f:6: more than 100000 values",
        ),
        ("a: b\na: \x1b[31m\n", r"f: not YAML: unacceptable character #x001b"),
        ("", r"f: expected keys and values, found nothing"),
        ("- a\n", r"f: expected keys and values, found list"),
        ("a: 1\n---\nb: 2\n", r"f:2: not YAML: expected a single document"),
    ],
)
def test_a_fault_is_one_line_with_file_and_line(tmp_path, content, message):
    (tmp_path / "f").write_text(content)
    with pytest.raises(RankkError, match=message) as raised:
        read_yaml(tmp_path / "f")
    assert "\n" not in str(raised.value)


def test_other_encodings_are_named(tmp_path):
    (tmp_path / "f").write_bytes("a: café\n".encode("latin-1"))
    with pytest.raises(RankkError, match=r"f:1: byte 0xe9 is not UTF-8"):
        read_yaml(tmp_path / "f")
    (tmp_path / "f").write_bytes("a: 1\n".encode("utf-16"))
    with pytest.raises(RankkError, match=r"f:1: is UTF-16"):
        read_yaml(tmp_path / "f")


def test_anchors_and_merged_keys_are_read(tmp_path):
    (tmp_path / "f").write_text("\ufeffa: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]\n", encoding="utf-8")
    ours = {"x": 1, "y": 2}
    assert read_yaml(tmp_path / "f") == {"a": ours, "b": {"x": 1, "y": 3}, "c": [ours, ours]}


def test_what_is_written_is_read_back():
    value = {"b": "no", "a": ["2022", 2022, None, True, 1.5], "c": {"text": "two\nlines: # and more"}}
    assert parse_yaml(dump_yaml(value), "x") == value
    assert list(parse_yaml(dump_yaml(value), "x")) == list(value)


@pytest.mark.parametrize(("text", "value"), [("0100", 64), ("1:30", 90), ("0x10", 16), ("0b11", 3), ("1:30.5", 90.5)])
def test_a_number_that_yaml_reads_as_another_is_refused(text, value):
    with pytest.raises(RankkError, match=rf"f.yaml:1: {text} is {value} for YAML; write that, or put it in quotes"):
        parse_yaml(f"depth: {text}", "f.yaml")


def test_plain_numbers_are_read():
    assert parse_yaml("[0, -7, +7, 1_000, 0.5, 1.0e-3, .inf]", "") == [0, -7, 7, 1000, 0.5, 0.001, float("inf")]

"""Segments of any text: short enough, close enough, and together all of it."""

from hypothesis import given
from hypothesis import strategies as st

from rankk.io.runs import Hit
from rankk.retrievers.segments import best_segments, segments


def distinct(spaces):
    """A text in which no character stands twice, but for the spaces after some."""
    return "".join(chr(0x4E00 + place) + " " * space for place, space in enumerate(spaces)).strip()


texts = st.lists(st.booleans(), max_size=200).map(distinct)
sizes = st.integers(2, 40).flatmap(lambda length: st.tuples(st.just(length), st.integers(1, length)))


@given(texts, sizes)
def test_segments_hold_every_character_in_order_and_none_is_too_long(text, size):
    length, stride = size
    pieces = list(segments(text, length, stride))
    assert all(len(piece) <= length for piece in pieces)
    covered, start = 0, 0
    for piece in pieces:
        place = text.find(piece, start)
        assert start <= place <= covered, "a gap"
        covered, start = max(covered, place + len(piece)), place
    assert text[covered:].strip() == ""


@given(st.text(alphabet="ab ", min_size=1, max_size=30))
def test_a_text_that_fits_is_one_segment(text):
    assert list(segments(text, 30, 15)) == [text]


def test_words_stay_whole_where_there_is_white_space():
    text = "one two three four five six seven"
    pieces = list(segments(text, 14, 7))
    assert pieces[0] == "one two three"
    assert all(word in text.split() for piece in pieces for word in piece.split())


def test_a_passage_scores_as_its_best_segment():
    ranked = [Hit("b#2", 3.0), Hit("a#1#0", 2.0), Hit("b#0", 1.0)]
    assert best_segments(ranked) == [Hit("b", 3.0), Hit("a#1", 2.0)]

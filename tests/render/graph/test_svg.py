"""The picture of who needs what: readable, escaped, and never a wire on another."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.graph.svg import MAX_NODES, render_svg, too_many
from reconciler.render.rows import SIGN_STYLE
from tests.render.plans import HOSTILE

SPACE = "{http://www.w3.org/2000/svg}"
names = st.sampled_from([f"Assistant/{letter}" for letter in "abcdefghij"])
graphs = st.tuples(
    st.lists(st.tuples(names, st.sampled_from([*SIGN_STYLE, " ", ""])), unique_by=lambda node: node[0]),
    st.lists(st.tuples(names, names), max_size=25),
)


def drawn(nodes: list[tuple[str, str]], edges: list[tuple[str, str]]) -> ET.Element:
    return ET.fromstring(render_svg(nodes, edges))


def cards(picture: ET.Element) -> dict[str, tuple[float, float]]:
    """Left edge and top of each card, by its title."""
    found = {}
    for group in picture.iter(f"{SPACE}g"):
        box = group.find(f"{SPACE}rect")
        assert box is not None
        found[str(group.findtext(f"{SPACE}title"))] = (float(box.attrib["x"]), float(box.attrib["y"]))
    return found


def test_what_is_needed_stands_above_and_left_of_who_needs_it() -> None:
    nodes = [("Agent/a", "»"), ("Assistant/b", "~"), ("VectorStore/c", "+")]
    found = cards(drawn(nodes, [("Agent/a", "Assistant/b"), ("Assistant/b", "VectorStore/c")]))
    assert list(found) == ["+ VectorStore/c", "~ Assistant/b", "» Agent/a"]
    (cx, cy), (bx, by), (ax, ay) = found.values()
    assert cx < bx < ax
    assert cy < by < ay


@given(graphs)
def test_every_card_is_inside_the_picture_and_no_two_touch(
    graph: tuple[list[tuple[str, str]], list[tuple[str, str]]],
) -> None:
    nodes, edges = graph
    picture = drawn(nodes, edges)
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    assert picture.attrib["viewBox"] == f"0 0 {picture.attrib['width']} {picture.attrib['height']}"
    places = cards(picture)
    assert len(places) == len(nodes)
    assert all(0 < x < width and 0 < y < height for x, y in places.values())
    assert all(abs(one[1] - other[1]) >= 30 for one, other in combinations(places.values(), 2))


@given(graphs)
def test_no_wire_runs_on_another(graph: tuple[list[tuple[str, str]], list[tuple[str, str]]]) -> None:
    nodes, edges = graph
    known = {name for name, _ in nodes}
    needed = {to for who, to in edges if who in known and to in known and who != to}
    picture = drawn(nodes, edges)
    ways = [path.attrib["d"] for path in picture.iter(f"{SPACE}path") if path.attrib["class"] == "g-wire"]
    spans: list[tuple[int, int, int]] = []
    for way in ways:
        match = re.fullmatch(r"M(\d+) (\d+)V(\d+)", way)
        if match:
            spans.append((int(match[1]), int(match[2]), int(match[3])))
    for one, other in combinations(spans, 2):
        assert one[0] != other[0] or one[2] <= other[1] or other[2] <= one[1]
    arrows = [path for path in picture.iter(f"{SPACE}path") if path.attrib["class"] == "g-dot"]
    assert len(arrows) == len(needed)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    for standalone in (True, False):
        picture = render_svg([(text, text), ("b", "+")], [("b", text)], standalone=standalone)
        assert all(char.isprintable() or char in "\n\u3000" for char in picture)
        tags = {element.tag.removeprefix(SPACE) for element in ET.fromstring(picture).iter()}
        assert tags <= {"svg", "style", "g", "title", "rect", "text", "tspan", "path", "circle"}
        assert not re.search(r'\s(on\w+|style|href)="', re.sub(r">[^<]*<", "><", picture))


def test_a_long_name_is_shortened_in_the_middle_and_whole_in_its_title() -> None:
    name = "VectorStore/" + "long-" * 30 + "end"
    picture = drawn([(name, "+")], [])
    shown = "".join(next(picture.iter(f"{SPACE}text"), ET.Element("x")).itertext())
    words = ["".join(text.itertext()) for text in picture.iter(f"{SPACE}text")]
    assert shown == "+"
    assert words[1].startswith("VectorStore/long-")
    assert words[1].endswith("long-end")
    assert "…" in words[1]
    assert list(cards(picture)) == [f"+ {name}"]
    assert float(picture.attrib["width"]) < 460
    wide = drawn([("漢" * 60, "+")], [])
    assert float(wide.attrib["width"]) < 460


def test_a_column_for_signs_is_there_only_when_there_are_signs() -> None:
    assert "g-sign" not in render_svg([("a", ""), ("b", " ")], [], standalone=False)
    assert ">·<" in render_svg([("a", "+"), ("b", " ")], [], standalone=False)


def test_circles_selves_and_strangers_do_no_harm() -> None:
    picture = drawn([("a", ""), ("b", "")], [("a", "b"), ("b", "a"), ("a", "a"), ("a", "stranger")])
    assert picture.attrib["aria-label"] == "2 resources, 2 dependencies"
    assert drawn([("a", "")], []).attrib["aria-label"] == "1 resource, 0 dependencies"
    assert drawn([("a", ""), ("b", "")], [("a", "b")]).attrib["aria-label"] == "2 resources, 1 dependency"


def test_too_many_resources_are_a_sentence() -> None:
    nodes = [(f"a{number}", "+") for number in range(MAX_NODES + 1)]
    picture = drawn(nodes, [])
    assert picture.findtext(f"{SPACE}text") == too_many(MAX_NODES + 1)
    assert "61 resources" in too_many(61)
    assert len(cards(drawn(nodes[:-1], []))) == MAX_NODES


def test_a_picture_of_its_own_brings_its_dark_scheme_and_one_in_a_page_does_not() -> None:
    assert "prefers-color-scheme:dark" in render_svg([("a", "+")], [])
    inside = render_svg([("a", "+")], [], standalone=False)
    assert "<style" not in inside
    assert "xmlns" not in inside

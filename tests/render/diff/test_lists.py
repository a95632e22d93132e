"""What came into a list and what went, by the items themselves."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.diff import lists

PLAIN = st.one_of(st.none(), st.booleans(), st.sampled_from([0, 1, 2, 1.5]), st.text("ab", max_size=2))


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (["a"], ["a", "b"], ([], ["b"], [])),
        (["a", "b"], ["b"], (["a"], [], [])),
        (["a"], ["b", "a"], ([], ["b"], ["b", "a"])),
        (["a", "b"], ["b", "a"], ([], [], ["b", "a"])),
        ([1, True], [1.0, False], ([True], [False], [])),
    ],
)
def test_what_went_and_what_came(before: Any, after: Any, found: Any) -> None:
    assert lists.differ_by_items(before, after)
    assert lists.items(before, after) == found


@pytest.mark.parametrize(
    ("before", "after", "order"),
    [(["a", "b"], ["a", "c", "b"], []), (["a", "b"], ["b", "c", "a"], ["b", "c", "a"])],
)
def test_in_a_set_the_place_of_a_new_item_means_nothing(before: Any, after: Any, order: Any) -> None:
    assert lists.items(before, after, is_set=True)[2] == order


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a"], ["b"]),
        (["a", "a"], ["a"]),
        (["a"], ["a", "a"]),
        (["a", []], ["a"]),
        (["a"], ["a", {}]),
        ("a", ["a"]),
        (["a"], 1),
    ],
)
def test_other_lists_are_not_compared_by_items(before: Any, after: Any) -> None:
    assert not lists.differ_by_items(before, after)


def test_an_id_that_is_not_known_yet_is_an_item() -> None:
    new = {"known_after_apply": "VectorStore/b"}
    assert lists.differ_by_items(["a"], ["a", new])


@given(st.lists(PLAIN, max_size=5), st.lists(PLAIN, max_size=5))
def test_what_is_told_gives_the_new_list(before: Any, after: Any) -> None:
    if lists.differ_by_items(before, after):
        went, came, order = lists.items(before, after)
        keys = [lists._identity(item) for item in went]
        rebuilt = order or [*(item for item in before if lists._identity(item) not in keys), *came]
        assert list(map(lists._identity, rebuilt)) == list(map(lists._identity, after))

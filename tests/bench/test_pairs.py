"""A pair compares the figures of two trees."""

from __future__ import annotations

from tests.bench.pairs import ratios


def test_a_ratio_is_that_of_one_pair() -> None:
    pairs = [
        ({"idle": {"ms/s": 80.0}}, {"idle": {"ms/s": 40.0}}),
        ({"idle": {"ms/s": 100.0}}, {"idle": {"ms/s": 30.0}}),
    ]
    (found,) = ratios(pairs)

    assert (found["before"], found["since"]) == (90.0, 35.0)
    assert found["ratios"] == [0.5, 0.3]


def test_a_figure_that_only_one_tree_has_is_left_out() -> None:
    before = {"idle": {"ms/s": 80.0, "ms/s of the old": 1.0}, "gone": {"ms": 1.0}}
    since = {"idle": {"ms/s": 40.0, "ms/s of the new": 2.0}}

    assert [each["figure"] for each in ratios([(before, since)])] == ["ms/s"]


def test_a_case_that_failed_in_one_pair_is_compared_in_the_others() -> None:
    worked = ({"idle": {"ms/s": 80.0}}, {"idle": {"ms/s": 40.0}})
    (found,) = ratios([worked, ({"idle": {"ms/s": 90.0}}, {"idle": {}})])

    assert found["ratios"] == [0.5]

from collections.abc import Sequence

import numpy as np
import pytest

from bids_denoise.errors import UsageError
from bids_denoise.stats.design import make_design, permutations, rearrangements

TABLE: dict[str, Sequence[str | float]] = {
    "group": ["patient"] * 6 + ["control"] * 6,
    "age": [30, 41, 52, 63, 34, 45, 31, 42, 53, 64, 35, 46],
    "sex": ["M", "F"] * 6,
    "months": [12 * age for age in (30, 41, 52, 63, 34, 45, 31, 42, 53, 64, 35, 46)],
    "site": ["a", "b", "c"] * 4,
    "one": ["yes"] * 11 + ["no"],
    "scanner": ["x"] * 12,
    "gaps": ["n/a", "", *range(10)],
    "copy": ["p"] * 6 + ["c"] * 6,
}


def test_groups_and_covariates_are_coded() -> None:
    design = make_design(TABLE, "group", ["age", "sex", "site"])
    assert design.groups == ("control", "patient")
    np.testing.assert_array_equal(design.values, [1] * 6 + [0] * 6)
    assert design.names == ("age", "sex M", "site b", "site c")
    np.testing.assert_array_equal(design.covariates[:, 1], [1, 0] * 6)
    assert design.freedom == 12 - 6


def test_the_reference_is_chosen_and_numbers_are_measured() -> None:
    assert make_design(TABLE, "group", reference="patient").groups == ("patient", "control")
    design = make_design(TABLE, "age", ["group"])
    assert design.groups is None
    np.testing.assert_array_equal(design.values, TABLE["age"])


@pytest.mark.parametrize(
    ("tested", "covariates", "said"),
    [
        ("height", [], "'height' is not in the table; there are group, age"),
        ("group", ["gaps"], "'gaps' has no value for 2 of 12"),
        ("group", ["scanner"], "'scanner' is the same for all 12"),
        ("group", ["age", "sex", "months"], "'months' follows from age, sex M"),
        ("group", ["copy"], "'group' follows from copy"),
        ("one", [], "'one': the group 'no' has one person"),
        ("site", [], "'site' has 3 groups"),
        ("age", ["age"], "'age' is tested and cannot be a covariate"),
    ],
)
def test_a_column_that_does_not_fit_is_named(tested: str, covariates: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_design(TABLE, tested, covariates)


def test_an_unknown_reference_and_too_few_people() -> None:
    with pytest.raises(UsageError, match="'x' is not in column 'group', which has control and pat"):
        make_design(TABLE, "group", reference="x")
    with pytest.raises(UsageError, match="4 people are too few for column 'g' with 2 columns"):
        make_design({"g": [0, 0, 1, 1], "a": [1, 2, 4, 3], "b": [5, 3, 9, 1]}, "g", ["a", "b"])


def test_too_few_exchanges_are_told() -> None:
    with pytest.raises(UsageError, match="'g': the people can be exchanged in 20 ways only"):
        make_design({"g": [0, 0, 0, 1, 1, 1]}, "g")
    pairs: dict[str, Sequence[str | float]] = {"g": [0, 1] * 4, "pair": list("aabbccdd")}
    with pytest.raises(UsageError, match="exchanged in 16 ways only"):
        make_design(pairs, "g", ["pair"], blocks="pair")


def test_people_are_exchanged_within_their_block() -> None:
    design = make_design(TABLE, "group", ["site"], blocks="site")
    site = np.array(TABLE["site"])
    orders = permutations(design, 50, 3)
    assert (site[orders] == site).all()
    assert len(np.unique(orders, axis=0)) > 40
    assert (np.sort(orders, axis=1) == np.arange(12)).all()
    assert round(rearrangements(design)) == 6**3


def test_the_orders_depend_on_the_seed_and_the_people_alone() -> None:
    one, other = make_design(TABLE, "group"), make_design(TABLE, "age", ["sex"])
    np.testing.assert_array_equal(permutations(one, 9, 1), permutations(other, 9, 1))
    assert (permutations(one, 9, 1) != permutations(one, 9, 2)).any()

"""What the group page shows as evidence: sections, curves, and maps in a brain of glass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.colors import to_hex

from bids_denoise.report.figures.curves import Curve, curve_chart, null_chart, paired_chart
from bids_denoise.report.figures.maps import glass_brains
from bids_denoise.report.figures.style import AFTER, BEFORE, save_drawing, save_picture
from bids_denoise.report.methods import library
from bids_denoise.report.page import group_page
from bids_denoise.report.section import Drawing, Section, Table, cited_keys
from tests.report.html import Page

if TYPE_CHECKING:
    from pathlib import Path

X = np.linspace(0, 1, 5)


def section(**changes: object) -> Section:
    values = {
        "anchor": "question",
        "title": "A question",
        "answer": "Denoising <helped> & is sure.",
        "paragraphs": ("With everybody.",),
        "tables": (Table("Numbers", ("", "AUC"), (("original", "0.70 [0.60, 0.80]"),), "a b.tsv"),),
        "drawings": (Drawing("ROC", "A curve.", "group/roc.svg"),),
        "remarks": ("sub-01 is left out",),
        "methods": "As one does.",
        "cited": ("delong1988",),
        "files": (("maps", "group/maps"),),
    }
    return Section(**{**values, **changes})  # type: ignore[arg-type]


def test_a_section_is_all_on_the_page(tmp_path: Path) -> None:
    page = Page(group_page({}, {"version": "1"}, [section()], tmp_path))
    assert not page.faults
    for words in ("Did it help?", "Denoising <helped> & is sure.", "With everybody.",
                  "0.70 [0.60, 0.80]", "sub-01 is left out", "As one does."):  # fmt: skip
        assert words in page.text
    assert {"#question", "a%20b.tsv", "group/maps"} <= set(page.values("href"))
    assert "question" in page.values("id")
    assert "DeLong" in page.text
    assert "The file of this figure is missing: group/roc.svg" in page.text


def test_a_figure_that_is_there_is_shown_with_its_words(tmp_path: Path) -> None:
    figure = curve_chart({"original": Curve(X, X)}, ("x", "y"))
    (tmp_path / "group").mkdir()
    save_drawing(figure, tmp_path / "group" / "roc.svg")
    (image,) = Page(group_page({}, {}, [section()], tmp_path)).all("img")
    assert image["src"] == "group/roc.svg"
    assert image["alt"] == "ROC. A curve."


def test_what_failed_looks_other(tmp_path: Path) -> None:
    failed = section(answer="Not done: no column", failed=True, tables=(), drawings=())
    whole = group_page({}, {}, [failed, section(anchor="other")], tmp_path)
    assert whole.count('class="said amber"') == 1
    assert not Page(whole).faults


def test_each_key_is_cited_once_and_known() -> None:
    some = [section(cited=("smith2009", "delong1988")), section(cited=("delong1988",))]
    assert cited_keys(some) == ["smith2009", "delong1988"]


def test_every_reference_of_the_group_is_in_the_library() -> None:
    from bids_denoise.group.classify import CITED

    keys = {*CITED, "shrout1979", "bridgeford2021", "finn2015", "lowekamp2013", "smith2009",
            "winkler2014", "ashburner2000", "vickers2006"}  # fmt: skip
    assert keys <= set(library())


def test_before_and_after_have_their_colours_and_bands() -> None:
    curves = {
        "original": Curve(X, X, X - 0.1, X + 0.1),
        "denoised": Curve(X, X**0.5),
        "c": Curve(X, X),
    }
    figure = curve_chart(curves, ("1 - specificity", "sensitivity"), diagonal=True)
    (axes,) = figure.axes
    drawn = {str(line.get_label()): line for line in axes.lines}
    assert to_hex(drawn["original"].get_color()) == to_hex(BEFORE)
    assert to_hex(drawn["denoised"].get_color()) == to_hex(AFTER)
    assert to_hex(drawn["c"].get_color()) not in {to_hex(BEFORE), to_hex(AFTER)}
    np.testing.assert_array_equal(drawn["denoised"].get_ydata(), X**0.5)
    assert len(axes.collections) == 1
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("1 - specificity", "sensitivity")


def test_chance_and_what_was_observed() -> None:
    null = {"original": np.random.default_rng(0).normal(0.5, 0.1, 200)}
    (axes,) = null_chart(null, {"original": 0.9}, "AUC").axes
    line = next(each for each in axes.lines if str(each.get_label()).endswith("observed"))
    np.testing.assert_array_equal(line.get_xdata(), [0.9, 0.9])


def test_pairs_are_joined() -> None:
    before, after = np.array([20.0, 21, 22]), np.array([25.0, 27, 26])
    (axes,) = paired_chart({"images": (before, after)}, "PSNR, dB").axes
    joined = [line.get_ydata() for line in axes.lines[:3]]
    np.testing.assert_array_equal(joined, np.stack([before, after], axis=1))


@pytest.mark.parametrize("turn", [False, True])
def test_the_strongest_value_of_each_line_of_sight_is_seen(turn: bool) -> None:
    """However the voxels are stored, the same picture is seen."""
    data = np.zeros((10, 12, 8), np.float32)
    data[3, 8, 5], data[3, 8, 2] = -4, 2
    brain = np.ones(data.shape, np.bool_)
    affine = np.diag([2.0, 2, 2, 1])
    if turn:
        data, brain = data.transpose(2, 0, 1).copy(), brain.transpose(2, 0, 1).copy()
        affine = affine[:, [2, 0, 1, 3]]
    figure = glass_brains({"original": data, "denoised": np.zeros_like(data)}, brain, affine, "t")
    shown = [axes.images[0] for axes in figure.axes if axes.images]
    images: list[np.ndarray] = [
        np.ma.filled(np.ma.asarray(each.get_array()), np.nan) for each in shown
    ]
    assert [np.nanmin(each) for each in images[:3]] == [-4, -4, -4]
    seen = [np.isfinite(each).sum() for each in images]
    assert seen == [2, 2, 1, 0, 0, 0]
    assert {each.get_clim() for each in shown[:6]} == {(-4.0, 4.0)}


def test_an_empty_map_can_be_drawn(tmp_path: Path) -> None:
    empty = np.zeros((6, 7, 8), np.float32)
    figure = glass_brains({"denoised": empty}, np.ones(empty.shape, np.bool_), np.eye(4), "t")
    assert save_picture(figure, tmp_path / "t.png").stat().st_size > 1000

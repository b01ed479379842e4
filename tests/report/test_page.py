from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest

from bids_denoise.derivatives import names
from bids_denoise.metrics.verdict import EDGE_RED, SIGMA_HIGH
from bids_denoise.report import links
from bids_denoise.report.numbers import TIMES
from bids_denoise.report.page import group_page, participant_page
from bids_denoise.report.plots import MOST_POINTS
from bids_denoise.stats.tables import group_rows, mark_outliers
from bids_denoise.values import Record
from tests.report.html import Page
from tests.report.records import FIGURES, make_record, with_figures

RUN = {
    "version": "0.1.0",
    "command": "bids-denoise /data /out participant",
    "output": "/out",
    "seed": 0,
}
FAILED = make_record(
    "sub-01/anat/sub-01_T2w.nii.gz",
    status="failed",
    reason="the gzip data is cut off before its end",
    hint="the image itself needs mending",
    image={},
    noise={},
    quality={},
)


def page_of(*records: Record, folder: Path = Path("/nowhere"), embed: bool = False) -> Page:
    return Page(participant_page(records, RUN, folder, embed))


def tables_of(*records: Record) -> dict[str, list[dict[str, Any]]]:
    tables = group_rows(records, {})
    for rows in tables.values():
        mark_outliers(rows)
    return tables


def group_of(count: int) -> list[Record]:
    """Return images of as many participants; the first one stands out in its SNR."""
    found = []
    for index in range(count):
        record = make_record(f"sub-{index:03d}/anat/sub-{index:03d}_T1w.nii.gz")
        snr = 900.0 if index == 0 else 10 + 0.1 * (index % 7)
        before = {**record.quality["before"], "snr": snr}
        found.append(replace(record, quality={**record.quality, "before": before}))
    return found


@pytest.fixture
def pages(tmp_path: Path) -> list[Page]:
    """A participant's page with all there is, one with nothing, and a group's page."""
    record = with_figures(make_record(), tmp_path)
    return [
        page_of(record, FAILED, folder=tmp_path),
        page_of(),
        Page(group_page(tables_of(*group_of(6)), RUN)),
    ]


def test_pages_are_whole(pages: list[Page]) -> None:
    for page in pages:
        assert page.faults == []
        ids = page.values("id")
        assert len(ids) == len(set(ids))
        inside = {unquote(each[1:]) for each in page.values("href") if each.startswith("#")}
        assert inside <= set(ids)
        assert set(page.values("for")) | set(page.values("aria-labelledby")) <= set(ids)
        assert [len(page.all("h1")), len(page.all("main")), len(page.all("nav"))] == [1, 1, 1]


def test_pages_fetch_nothing(pages: list[Page], tmp_path: Path) -> None:
    for page in pages:
        assert not page.all("link")
        assert not [each for each in page.all("script") if "src" in each]
        assert not [each for each in page.values("src") if urlparse(each).scheme]
        outside = [each for each in page.values("href") if urlparse(each).scheme]
        assert all(each.startswith("https://doi.org/") for each in outside)
    text = participant_page((with_figures(make_record(), tmp_path),), RUN, tmp_path, False)
    assert "@import" not in text
    assert "url(" not in text


def test_every_picture_has_a_text_and_the_size_of_its_file(pages: list[Page]) -> None:
    pictures = pages[0].all("img")
    assert len(pictures) == len(FIGURES)
    assert all(each["alt"] and (each["width"], each["height"]) == ("4", "3") for each in pictures)
    assert all(each["aria-label"] for each in pages[2].all("svg") if "aria-hidden" not in each)


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    pages = [
        participant_page((with_figures(make_record(), tmp_path), FAILED), RUN, tmp_path, True)
        for _ in range(2)
    ]
    assert pages[0] == pages[1]
    assert group_page(tables_of(*group_of(9)), RUN) == group_page(tables_of(*group_of(9)), RUN)


def test_before_and_after_lie_over_each_other(tmp_path: Path) -> None:
    page = page_of(with_figures(make_record(), tmp_path), folder=tmp_path)
    views = [each for each in page.all("input") if each["type"] == "radio"]
    assert len(views) == 5
    assert len({each["name"] for each in views}) == 1
    classes = [each.get("class") for each in page.all("img")]
    assert classes[:2] == ["before", "after"]


def test_the_live_viewer_is_named_with_the_image(tmp_path: Path) -> None:
    record = replace(make_record(), source="sub-01/anat/sub 01_T1w.nii.gz")
    page = page_of(record, folder=tmp_path)
    assert f"bids-denoise-view /out --image '{record.source}'" in page.text


def test_half_a_pair_and_unknown_figures_are_shown_as_they_are(tmp_path: Path) -> None:
    names = ("image_after", "new_idea")
    page = page_of(with_figures(make_record(), tmp_path, names), folder=tmp_path)
    assert not [each for each in page.all("input") if each["type"] == "radio"]
    assert len(page.all("img")) == 2
    assert "New idea" in page.text


def test_a_missing_figure_is_told(tmp_path: Path) -> None:
    record = with_figures(make_record(), tmp_path)
    (tmp_path / record.figures["sigma"]).unlink()
    page = page_of(record, folder=tmp_path)
    assert "The file of this figure is missing: Noise level" in page.text
    assert len(page.all("img")) == len(FIGURES) - 1


def test_embedded_pictures_need_no_file(tmp_path: Path) -> None:
    page = page_of(with_figures(make_record(), tmp_path), folder=tmp_path, embed=True)
    sources = page.values("src")
    assert len(sources) == len(FIGURES)
    assert all(each.startswith("data:image/png;base64,iVBOR") for each in sources)


def test_odd_paths_are_quoted(tmp_path: Path) -> None:
    odd = "sub-01/figures/100 % größer#1.png"
    record = with_figures(make_record(), tmp_path)
    (tmp_path / record.figures["removed"]).rename(tmp_path / odd)
    page = page_of(replace(record, figures={"removed": odd}), folder=tmp_path)
    (source,) = page.values("src")
    assert unquote(source) == odd
    assert not {"#", " "} & set(source)


def test_text_is_never_markup() -> None:
    evil = "<script>alert(1)</script>"
    records = (make_record(why=evil, remarks=(evil,)), replace(FAILED, reason=evil, hint=evil))
    text = participant_page(records, {"command": evil}, Path("/nowhere"), False)
    assert evil not in text
    assert text.count("&lt;script&gt;") == 5


def test_verdict_and_reasons_stand_in_words() -> None:
    found = {"light": "red", "reasons": ["Over-smoothed: too much."]}
    quality = {**make_record().quality, **found}
    page = page_of(make_record(quality=quality))
    assert "✖ Do not use" in page.text
    assert "Over-smoothed: too much." in page.text


def test_numbers_are_told_with_what_they_mean() -> None:
    text = page_of(make_record()).text
    assert "+4.1\u202fdB" in text
    assert "any smoothing raises it" in text
    assert "h 0.5\u202fsigma" in text
    assert "Settled on passes 2" in text
    assert f"64 {TIMES} 64 {TIMES} 30" in text
    assert "Largest clump" not in text  # None: it could not be measured


def test_a_remark_is_told_once() -> None:
    assert page_of(make_record()).text.count("The estimators of sigma disagree.") == 1


def test_failures_have_their_section() -> None:
    page = page_of(make_record(), FAILED)
    assert FAILED.reason in page.text
    assert f"What to do: {FAILED.hint}" in page.text
    assert "No image failed." not in page.text
    assert "No image failed." in page_of(make_record()).text


def test_only_failures_is_a_page_too() -> None:
    text = page_of(FAILED).text
    assert "0 images were denoised" in text
    assert "1 failed" in text


def test_images_are_grouped_by_session_and_datatype() -> None:
    sources = (
        "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
        "sub-01/ses-b/func/sub-01_ses-b_bold.nii.gz",
    )
    text = page_of(*map(make_record, sources)).text
    assert text.index("ses-a · Anatomy") < text.index("ses-b · Function")


def test_the_bounds_in_force_are_told() -> None:
    text = page_of().text
    assert f"red from {EDGE_RED - 1:.0%}" in text
    assert f"to {SIGMA_HIGH:g} times" in text


def test_links_of_the_group_lead_to_cards(tmp_path: Path) -> None:
    records = group_of(6)
    page = Page(group_page(tables_of(*records), RUN))
    targets = {each for each in page.values("href") if ".html#" in each}
    assert len(targets) == len(records)
    for record in records:
        own = page_of(record, folder=tmp_path)
        file = names.page_name(record.participant)
        (target,) = [each for each in targets if each.startswith(file)]
        assert target.split("#")[1] in own.values("id")


def test_sessions_have_pages_when_there_are_many() -> None:
    assert links.MOST_SESSIONS_ON_ONE_PAGE == names.MAX_SESSIONS_ON_ONE_PAGE
    records = [make_record(f"sub-01/ses-{s}/anat/sub-01_ses-{s}_T1w.nii.gz") for s in "abcde"]
    few, many = (Page(group_page(tables_of(*some), RUN)) for some in (records[:4], records))
    page = names.page_name("01", "a")
    assert not [each for each in few.values("href") if each.startswith(page)]
    assert [each for each in many.values("href") if each.startswith(page)]


def test_outliers_are_listed_and_ringed() -> None:
    page = Page(group_page(tables_of(*group_of(8)), RUN))
    assert "Images that stand out" in page.text
    assert "SNR before" in page.text
    assert "ring" in page.values("class")
    assert "No image stands out" in Page(group_page(tables_of(*group_of(3)), RUN)).text


@pytest.mark.parametrize("count", [MOST_POINTS, MOST_POINTS + 1])
def test_a_large_group_keeps_points_for_outliers_only(count: int) -> None:
    page = Page(group_page(tables_of(*group_of(count)), RUN))
    points = [each for each in page.values("class") if each.startswith("point")]
    assert (len(points) > count) == (count <= MOST_POINTS)
    assert "ring" in page.values("class")


def test_unknown_numbers_leave_gaps() -> None:
    records = group_of(6)
    gap = replace(records[2], quality={**records[2].quality, "before": {"snr": None}})
    page = Page(group_page(tables_of(*records[:2], gap, *records[3:]), RUN))
    assert page.faults == []
    assert "nan" not in " ".join(page.values("d") + page.values("cy"))


def test_the_table_can_be_fetched() -> None:
    assert "group_T1w.tsv" in Page(group_page(tables_of(*group_of(2)), RUN)).values("href")

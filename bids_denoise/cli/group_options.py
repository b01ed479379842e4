"""The options of the group level: who is compared with whom, and by what."""

from __future__ import annotations

from bids_denoise.cli.option import GROUP, Option
from bids_denoise.values import FEATURES

GROUP_OPTIONS = (
    Option(
        "group_column",
        "Column of participants.tsv that grey matter is compared by, voxel by voxel, in the "
        "original and in the denoised images: two groups, or numbers such as age.",
        GROUP,
        metavar="COLUMN",
    ),
    Option(
        "patient",
        "Its value for patients. With --control, classifiers are trained to tell them apart.",
        GROUP,
        metavar="VALUE",
    ),
    Option("control", "Its value for controls.", GROUP, metavar="VALUE"),
    Option(
        "covariates",
        "Columns that explain away what is not of interest: in maps as covariates, in classifiers "
        "as confounds that are regressed out inside the folds. total_volume is that of GM, WM and "
        "CSF together; none: no covariate.",
        GROUP,
        many=True,
        metavar="COLUMN",
        default="age, sex (or gender) where the table has them; in maps of human grey matter "
        "also total_volume",
    ),
    Option(
        "site_column",
        "Column that says at which site a participant was scanned: sites are harmonised inside "
        "the folds, and labels are permuted within sites.",
        GROUP,
        metavar="COLUMN",
    ),
    Option(
        "features",
        "What classifiers see: vbm (grey matter in template space), volumes (of tissues and "
        "regions), connectome (edges), qc (image quality).",
        GROUP,
        many=True,
        metavar="NAME",
        choices=FEATURES,
        default="all that the output holds",
    ),
    Option(
        "permutations",
        "Permutations of the maps; classifiers take as many, but no more than 1000.",
        GROUP,
        kind="integer",
        metavar="N",
        minimum=20,
        default="5000",
    ),
    Option(
        "smoothing",
        "Full width at half maximum in mm of the Gaussian that maps of grey matter are smoothed "
        "by; about the size of what is looked for.",
        GROUP,
        kind="number",
        metavar="MM",
        minimum=0,
        default="three voxels of the template",
    ),
    Option(
        "outcome_column",
        "Column of participants.tsv or of a table in phenotype/ that holds an outcome, to be "
        "predicted from other columns.",
        GROUP,
        metavar="COLUMN",
    ),
    Option(
        "good_outcome",
        "Its values that are a good outcome, such as 0 1 2 of the modified Rankin scale.",
        GROUP,
        many=True,
        metavar="VALUE",
    ),
    Option(
        "predictors",
        "Columns that the outcome is predicted from.",
        GROUP,
        many=True,
        metavar="COLUMN",
        default="all others",
    ),
    Option(
        "score_column",
        "Column of a simple score that the models have to beat.",
        GROUP,
        metavar="COLUMN",
    ),
    Option(
        "high_score",
        "What a high score speaks for: a bad or a good outcome.",
        GROUP,
        metavar="WORD",
        choices=("bad", "good"),
        default="bad",
    ),
    Option(
        "external",
        "Who the models are validated on and never trained on: COLUMN=VALUE, or the folder or "
        "table of a second dataset.",
        GROUP,
        metavar="COLUMN=VALUE|PATH",
    ),
)

"""What the demo's dataset says about itself: descriptions, sidecars, README, licence."""

from __future__ import annotations

from typing import Any

from bids_denoise import __version__
from bids_denoise.demo.scans import REPETITION_TIME, TASK

BIDS_VERSION = "1.10.0"
NAME = "bids-denoise demo: simulated scans with known truth"

SCANNER = {
    "Manufacturer": "Simulated",
    "ManufacturersModelName": "bids_denoise.simulate",
    "SoftwareVersions": __version__,
    "MagneticFieldStrength": 3,
    "ImagingFrequency": 123.2,
    "InstitutionName": "None (simulated)",
    "Modality": "MR",
    "PatientPosition": "HFS",
    "NonlinearGradientCorrection": False,
    "ReceiveCoilName": "Simulated head coil",
    "ReceiveCoilActiveElements": "All",
    "MatrixCoilMode": "None",
    "CoilCombinationMethod": "Matched filter: Rician noise",
    "DeviceSerialNumber": "0",
    "StationName": "Simulation",
    "InstitutionAddress": "None (simulated)",
    "InstitutionalDepartmentName": "None (simulated)",
    "SequenceName": "simulated",
    "PulseSequenceDetails": "Signals of tissues by table; no pulse sequence was played",
}

SIDECARS: dict[str, dict[str, Any]] = {
    "T1w": {
        "PulseSequenceType": "MPRAGE",
        "MRAcquisitionType": "3D",
        "ScanningSequence": "GR",
        "SequenceVariant": "MP",
        "RepetitionTime": 2.3,
        "EchoTime": 0.003,
        "InversionTime": 0.9,
        "FlipAngle": 9,
    },
    "T2w": {
        "PulseSequenceType": "Turbo spin echo",
        "MRAcquisitionType": "2D",
        "ScanningSequence": "SE",
        "SequenceVariant": "SK",
        "RepetitionTime": 6.0,
        "EchoTime": 0.1,
        "FlipAngle": 120,
        "SliceThickness": 3,
    },
    "bold": {
        "TaskName": TASK,
        "TaskDescription": "Blocks of right-hand finger tapping and of a flickering checkerboard",
        "Instructions": "Tap your fingers when asked to; watch the checkerboard.",
        "PulseSequenceType": "Gradient-echo EPI",
        "MRAcquisitionType": "3D",
        "ScanningSequence": "EP",
        "SequenceVariant": "SS",
        "RepetitionTime": REPETITION_TIME,
        "EchoTime": 0.03,
        "FlipAngle": 20,
        "PhaseEncodingDirection": "j-",
        "EffectiveEchoSpacing": 0.0005,
        "TotalReadoutTime": 0.0315,
    },
    "dwi": {
        "PulseSequenceType": "Spin-echo EPI",
        "MRAcquisitionType": "2D",
        "ScanningSequence": "EP",
        "SequenceVariant": "SK",
        "RepetitionTime": 7.0,
        "EchoTime": 0.085,
        "FlipAngle": 90,
        "PhaseEncodingDirection": "j-",
        "EffectiveEchoSpacing": 0.0005,
        "TotalReadoutTime": 0.0365,
        "MultipartID": "dwi_1",
    },
}

EVENTS_SIDECAR = {
    "onset": {"Description": "Start of the block", "Units": "s"},
    "duration": {"Description": "Length of the block", "Units": "s"},
    "trial_type": {
        "LongName": "Kind of block",
        "Description": "What the person does or sees",
        "Levels": {
            "tapping": "Finger tapping with the right hand",
            "checkerboard": "Watching a flickering checkerboard",
        },
    },
    "StimulusPresentation": {
        "OperatingSystem": "None (simulated)",
        "SoftwareName": "bids_denoise.simulate",
        "SoftwareVersion": __version__,
    },
}

PARTICIPANTS_SIDECAR = {
    "group": {
        "Description": "Whether the left caudate was made smaller",
        "Levels": {"patient": "smaller", "control": "not smaller"},
    },
    "age": {"Description": "Age of the simulated person", "Units": "year"},
    "sex": {
        "Description": "Sex that the size of the head was drawn for",
        "Levels": {"F": "female", "M": "male", "O": "None"},
    },
    "head": {"Description": "What the head was made from"},
}


def participant(label: str, group: str = "n/a", age: float = 30, sex: str = "O") -> dict[str, Any]:
    """Return a row of ``participants.tsv``; by default that of who is in no group."""
    return {
        "participant_id": label,
        "group": group,
        "age": age,
        "sex": sex,
        "head": "MNI152, warped",
    }


ICBM_LICENCE = """\
The heads in this dataset are made from the ICBM 152 nonlinear asymmetric atlas (2009a), as
nilearn ships it:

Copyright (C) 1993-2004 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological
Institute, McGill University. Permission to use, copy, modify, and distribute this software and its
documentation for any purpose and without fee is hereby granted, provided that the above copyright
notice appear in all copies. The authors and McGill University make no representations about the
suitability of this software for any purpose. It is provided "as is" without express or implied
warranty. The authors are not responsible for any data loss, equipment damage, property loss, or
injury to subjects or patients resulting from the use or misuse of this software package.

Everything else in this dataset, the noise included, is dedicated to the public domain (CC0 1.0).
"""

REFERENCES = [
    "https://doi.org/10.1016/j.neuroimage.2010.07.033",
    "https://doi.org/10.1016/S1053-8119(09)70884-5",
]

README = """\
# Simulated scans with known truth

Nobody was scanned for this dataset: `bids-denoise-demo` made it (version {version}, seed {seed}).
Individual heads were drawn from the MNI152 tissue maps by smooth warps and folds, with skull,
scalp, eyes and neck built around the brain, and "scanned" with Rician noise.

Two people, `sub-01` and `sub-02`, each have:

- T1w, run 1: noise of one strength everywhere; run 2: the same head three times faster, noise
  rising to 2.4 times towards the middle, as parallel imaging leaves it
- T2w: 3 mm slices
- bold: 3 minutes of finger tapping and checkerboard blocks, with the canonical haemodynamic
  response, a resting network, drift, pulse and breath
- dwi: two shells (12 directions at b = 1000, 20 at b = 2000 s/mm^2), one known tensor in each voxel

{cohort}The noise-free images, the noise maps, tissues, activation amplitudes and FA are in the
folder `truth` beside this dataset.

The anatomy is that of the ICBM 152 nonlinear atlas (Fonov 2011,
doi:10.1016/j.neuroimage.2010.07.033); see LICENSE.
"""

COHORT = """\
A cohort of patients and controls (column `group` of participants.tsv) has one coarse, noisy T1w
each; one patient has four repeats. The left caudate of patients is half as large.

"""

TRUTH_README = """\
# The truth under the demo's scans

Made by `bids-denoise-demo` (version {version}, seed {seed}). On the grids of the scans:

- `*_desc-truth_<suffix>.nii.gz`: the scan without noise
- `*_stat-std_desc-noise_<suffix>map.nii.gz`: standard deviation of the noise, in image units
- `*_desc-region<suffix>_mask.nii.gz`: where a scan is judged: the head or the brain
- `*_label-<tissue>_desc-truth_probseg.nii.gz`: share of each voxel that is GM, WM or CSF of the
  brain; `*_desc-truth_dseg.nii.gz`: which of them (1, 2, 3) it is most
- `*_desc-nucleus_mask.nii.gz`: the left caudate, which is smaller in patients
- `template/`: the brain of the ICBM 152 atlas, in coarse voxels, that grey matter is compared in
- `*_desc-<trial type>_boldmap.nii.gz`: relative signal change at the peak of the response
- `*_desc-FA_dwimap.nii.gz`: fractional anisotropy
"""

TRUTH_IGNORE = "*map.nii.gz\n*_dwi.bval\n*_dwi.bvec\ntemplate\n"

TISSUES_SIDECAR = {
    "Description": "Tissues of the brain: grey matter (1, GM), white matter (2, WM), CSF (3)",
    "SpatialReference": "orig",
}
NUCLEUS_SIDECAR = {
    "Type": "ROI",
    "Description": "More than half left caudate, which is smaller in patients",
    "SpatialReference": "orig",
}


def mask_sidecar(region: str) -> dict[str, Any]:
    """Return what a region is: the head, or the brain."""
    if region == "brain":
        return {"Type": "Brain", "Description": "More than half brain"}
    return {"Type": "ROI", "Description": "More than half head, not air"}


def dataset_description(kind: str) -> dict[str, Any]:
    """Return the description of the scans (``raw``) or of their truth (``derivative``)."""
    maker = {
        "Name": "bids-denoise-demo",
        "Version": __version__,
        "Description": "Simulated with bids_denoise.simulate",
    }
    description: dict[str, Any] = {
        "Name": NAME if kind == "raw" else f"{NAME} (the truth)",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": kind,
        "License": "CC0 and the ICBM atlas licence; see LICENSE",
        "Authors": ["bids-denoise developers", "Louis Collins (atlas)", "Vladimir Fonov (atlas)"],
        "Acknowledgements": "Anatomy: ICBM 152 nonlinear atlas, (C) Louis Collins, McConnell BIC",
        "HowToAcknowledge": "Cite Fonov 2011, doi:10.1016/j.neuroimage.2010.07.033",
        "Funding": ["None"],
        "EthicsApprovals": ["None needed: no person was scanned"],
        "Keywords": ["simulation", "denoising", "MRI"],
        "ReferencesAndLinks": REFERENCES,
        "HEDVersion": "8.3.0",
        "GeneratedBy": [maker],
        "SourceDatasets": [{"URL": "https://nist.mni.mcgill.ca/icbm-152-nonlinear-atlases-2009/"}],
    }
    if kind == "derivative":
        description["DatasetLinks"] = {"scans": "../dataset"}
    return description

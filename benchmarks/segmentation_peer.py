"""One peer on one image, in the interpreter that has it; called by `segmentation.py`.

::

    python segmentation_peer.py ants|ants-priors|dipy FOLDER

Reads ``image.nii``, ``brain.nii`` and ``prior1.nii`` to ``prior3.nii`` in the folder; writes
``labels.npy`` (1 GM, 2 WM, 3 CSF), ``probabilities.npy`` and ``seconds.txt`` there.
"""

import sys
import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

ORDER = np.array([0, 3, 1, 2])  # classes by intensity: CSF, GM, WM


def with_ants(folder: Path, priors: bool) -> tuple[Any, Any]:
    import ants

    brain = ants.image_read(str(folder / "brain.nii"))
    even = ants.n4_bias_field_correction(ants.image_read(str(folder / "image.nii")), mask=brain)
    maps = [ants.image_read(str(folder / f"prior{k}.nii")) for k in (3, 1, 2)]
    how = {"i": maps, "priorweight": 0.25} if priors else {"i": "Kmeans[3]"}
    found = ants.atropos(a=even, x=brain, m="[0.1,1x1x1]", c="[25,0.001]", **how)
    maps = [found["probabilityimages"][k].numpy() for k in (1, 2, 0)]
    return ORDER[found["segmentation"].numpy().astype(int)], np.stack(maps)


def with_dipy(folder: Path) -> tuple[Any, Any]:
    from dipy.segment.tissue import TissueClassifierHMRF

    image: Any = nibabel.load(folder / "image.nii")
    mask: Any = nibabel.load(folder / "brain.nii")
    brain = mask.get_fdata() > 0
    data = image.get_fdata(dtype=np.float32) * brain
    _, labels, maps = TissueClassifierHMRF(verbose=False).classify(data, 3, 0.1)
    return ORDER[labels.astype(int)] * brain, np.stack([maps[..., k] * brain for k in (1, 2, 0)])


def main() -> None:
    method, folder = sys.argv[1], Path(sys.argv[2])
    begin = time.perf_counter()
    dipy = method == "dipy"
    labels, maps = with_dipy(folder) if dipy else with_ants(folder, method == "ants-priors")
    (folder / "seconds.txt").write_text(str(time.perf_counter() - begin))
    np.save(folder / "labels.npy", labels.astype(np.uint8))
    np.save(folder / "probabilities.npy", maps.astype(np.float32))


if __name__ == "__main__":
    main()

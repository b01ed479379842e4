"""The denoisers. Adding one is a file beside this one and a line in this table."""

from bids_denoise.denoisers.base import Denoiser
from bids_denoise.denoisers.cnn4d import Cnn4d
from bids_denoise.denoisers.gaussian import Gaussian
from bids_denoise.denoisers.generative import Generative
from bids_denoise.denoisers.local_pca import LocalPca
from bids_denoise.denoisers.mppca import MarchenkoPasturPca
from bids_denoise.denoisers.nlm import NonLocalMeans
from bids_denoise.denoisers.nordic import Nordic
from bids_denoise.denoisers.patch2self import Patch2Self
from bids_denoise.denoisers.srcnn import PlanarSrcnn, Srcnn
from bids_denoise.denoisers.unet import UNet

DENOISERS: dict[str, type[Denoiser]] = {
    each.name: each
    for each in (
        Gaussian, NonLocalMeans, MarchenkoPasturPca, LocalPca, Nordic,
        Patch2Self, Cnn4d, PlanarSrcnn, Srcnn, UNet, Generative,
    )
}  # fmt: skip

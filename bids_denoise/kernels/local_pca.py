"""PCA of overlapping patches of a series, many at once: on the cores of the CPU, or by CUDA.

A plane of patches is taken at a time. Their voxels are gathered row by row, as strided views of the
planes around; batches of them are decomposed on several threads (LAPACK, cuSOLVER); what
they say is added up in one fixed order, so that the number of threads changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bids_denoise import scratch
from bids_denoise.kernels.local_pca_reference import Patches
from bids_denoise.kernels.pool import in_turn, torch_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from bids_denoise.values import Device, FloatArray

    Array = npt.NDArray[Any]
    IntArray = npt.NDArray[np.int64]
    Tensor = Any
    Batch = tuple[slice, slice]

BATCH = {"cpu": 1_000_000, "cuda": 50_000_000}
"""Values of a batch of patches, by kind of device: a few MB stay in the cache of a core."""

COPIES_OF_A_BATCH = 9
"""That a thread holds: most of them in double precision, and those that wait to be added."""


class Rule(NamedTuple):
    """How a patch is split.

    `shrinkage` and `groups` as in `local_pca_reference.local_pca`. `centred`: each volume's mean
    over the measured voxels is taken out before and put back afterwards.
    """

    shrinkage: str
    groups: Sequence[IntArray] = ()
    centred: bool = False


def local_pca(
    data: Array,
    sigma: FloatArray,
    patches: Patches,
    rule: Rule,
    device: Device,
    in_place: bool = False,
) -> tuple[Array, FloatArray]:
    """Denoise a series; parameters and results as in `local_pca_reference.local_pca`.

    With `in_place` the result takes the place of `data`.

    A patch of n voxels takes O(r^2 (n + t)) for its matrix and O(r^3) for the eigenvectors, r being
    the smaller of n and t. Beside data and result, twice ``2 reach + 1`` planes of the series, that
    lie where it does, and a few batches are held, on the device.
    """
    denoised = data if in_place else scratch.empty_like(data)
    return Run((data, denoised), sigma, patches, rule, device).over_planes()


class Row(NamedTuple):
    """Voxels of a patch that follow one another along x.

    `voxels` are their places in the patch, `planes` those in the window; `shift` (y, z) from the
    centre; `weights` (voxels, 1, 1, 1).
    """

    voxels: slice
    planes: slice
    shift: tuple[int, int]
    weights: Tensor


class Run:
    """One series on its way: a window of planes in, sums of the same planes out."""

    def __init__(
        self,
        series: tuple[Array, Array],
        sigma: FloatArray,
        patches: Patches,
        rule: Rule,
        device: Device,
    ) -> None:
        import torch

        (data, _) = self.data, self.denoised = series
        self.patches, self.rule, self.device = patches, rule, device
        self.scale = sigma * np.float32(np.sqrt(2) if np.iscomplexobj(data) else 1)
        self.margin = patches.reach + patches.step  # the last centre may lie outside
        self.wide = tuple(length + 2 * self.margin for length in sigma.shape[1:])
        planes = (2 * patches.reach + 1, *self.wide)
        place = torch.device(device.torch_name)
        sums = torch.from_numpy(np.asarray(scratch.empty_like(data, (*planes, data.shape[3]))))
        self.sums = sums.to(place).zero_()
        self.weights, self.ranks = (torch.zeros(planes, device=place) for _ in range(2))
        self.rank = np.zeros(sigma.shape, np.float32)
        self.around: Array = np.empty(0)
        self.rows = list(_rows_of(patches, place))
        self.centres = tuple(patches.centres(length) for length in sigma.shape[1:])

    def over_planes(self) -> tuple[Array, FloatArray]:
        """Take one plane of patches after the other; return the series and the rank."""
        step, reach = self.patches.step, self.patches.reach
        with torch_threads(1):  # each of ours has its own: small matrices gain nothing from more
            centres = self.patches.centres(len(self.data))
            for x in centres:
                self._add_plane(x)
                self._write_planes(x, step if x != centres[-1] else 2 * reach + 1)
        return self.denoised, self.rank

    def window(self, x: int) -> tuple[Tensor, Tensor]:
        """Return what patches with centres at `x` are cut from; unmeasured voxels are 0 in it."""
        return self.planes_around(x, self.patches.reach)

    def planes_around(self, x: int, reach: int) -> tuple[Tensor, Tensor]:
        """Return planes with noise of 1, 0 where there is none, and where it is, with a margin.

        The next call overwrites them.
        """
        import torch

        margin = self.margin
        low, high = max(x - reach, 0), min(x + reach + 1, len(self.data))
        scale = self.scale[low:high, ..., np.newaxis]
        inner = np.s_[low - x + reach : high - x + reach, margin:-margin, margin:-margin]
        shape = (2 * reach + 1, *self.wide, self.data.shape[3])
        if self.around.shape != shape:
            self.around = scratch.empty_like(self.data, shape)
        self.around[...] = 0
        np.divide(self.data[low:high], scale, out=self.around[inner], where=scale > 0)
        measured = np.zeros(shape[:3], np.float32)
        measured[inner] = scale[..., 0] > 0
        place = self.device.torch_name
        planes = torch.from_numpy(np.asarray(self.around))
        return planes.to(place), torch.from_numpy(measured).to(place)

    def _add_plane(self, x: int) -> None:
        """Add what the patches with centres at `x` say."""
        window, measured = self.window(x)

        def work(batch: Batch) -> tuple[Batch, Tensor, Tensor]:
            found, rank = _split(*self._gather(window, measured, batch), self.rule)
            return batch, found, rank

        for batch, found, rank in in_turn(work, self._batches(), self._threads()):
            self._add(batch, found, rank)

    def _write_planes(self, x: int, count: int) -> None:
        """Write the first planes of the window at `x`, to which no more is added; move it on."""
        for index in range(count):
            here = x - self.patches.reach + index
            if 0 <= here < len(self.data):
                self._write(here, index)
        step = self.patches.step
        for sums in (self.sums, self.weights, self.ranks):
            for before, plane in zip(sums, sums[step:], strict=False):
                before.copy_(plane)
            sums[-step:] = 0

    def _threads(self) -> int:
        """Return on how many threads the batches fit into half of the memory."""
        if self.device.kind == "cuda":
            return 1
        if self.device.memory is None:
            return self.device.threads
        values = max(len(self.patches.offsets) * self.data.shape[3], BATCH["cpu"])
        at_once = self.device.memory // 2 // (COPIES_OF_A_BATCH * values * self.data.itemsize)
        return max(1, min(self.device.threads, int(at_once)))

    def _batches(self) -> list[Batch]:
        """Return the centres of the patches along y and z, in pieces that stay in a cache."""
        y, z = map(len, self.centres)
        one = len(self.patches.offsets) * self.data.shape[3]
        size = max(BATCH[self.device.kind] // one, 1)
        rows, columns = max(size // z, 1), min(size, z)
        return [
            (slice(row, min(row + rows, y)), slice(column, min(column + columns, z)))
            for row in range(0, y, rows)
            for column in range(0, z, columns)
        ]

    def _views(self, planes: Tensor, batch: Batch) -> Iterator[tuple[Row, Tensor]]:
        """Yield each row of voxels, and where the patches of a batch have it: (row, y, z[, t])."""
        step = self.patches.step
        for row in self.rows:
            y, z = (
                slice(
                    self.margin + shift + centres[part.start],
                    self.margin + shift + centres[part.stop - 1] + 1,
                    step,
                )
                for shift, part, centres in zip(row.shift, batch, self.centres, strict=True)
            )
            yield row, planes[row.planes, y, z]

    def _gather(self, window: Tensor, measured: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the patches (patch, voxel, t), and how many voxels of each were measured."""
        shape = tuple(part.stop - part.start for part in batch)
        voxels, volumes = len(self.patches.offsets), window.shape[-1]
        values = window.new_empty((*shape, voxels, volumes))
        for row, view in self._views(window, batch):
            values[:, :, row.voxels] = view.movedim(0, 2)
        counts = sum(view.sum(dim=0) for _, view in self._views(measured, batch))
        return values.flatten(0, 1), counts.flatten()

    def _add(self, batch: Batch, found: Tensor, rank: Tensor) -> None:
        shape = tuple(part.stop - part.start for part in batch)
        found, rank = found.view(*shape, *found.shape[1:]), rank.view(shape)
        into = (self._views(each, batch) for each in (self.sums, self.weights, self.ranks))
        for (row, sums), (_, weights), (_, ranks) in zip(*into, strict=True):
            own = found[:, :, row.voxels, : sums.shape[-1]]
            sums.add_(own.movedim(2, 0) * row.weights)
            weights.add_(row.weights[..., 0])
            ranks.add_(rank * row.weights[..., 0])

    def _write(self, x: int, index: int) -> None:
        inner = np.s_[self.margin : -self.margin, self.margin : -self.margin]
        weight = self.weights[index][inner].cpu().numpy()
        scale = self.scale[x]
        result = self.sums[index][inner].cpu().numpy() * (scale / weight)[..., np.newaxis]
        self.denoised[x] = self.data[x]
        np.copyto(self.denoised[x], result, where=scale[..., np.newaxis] > 0)
        rank = self.ranks[index][inner].cpu().numpy() / weight
        np.copyto(self.rank[x], rank, where=scale > 0)


def _rows_of(patches: Patches, place: Any) -> Iterator[Row]:
    import torch

    offsets = patches.offsets
    ends = np.flatnonzero(np.any(np.diff(offsets[:, 1:], axis=0), axis=1)) + 1
    for part in np.split(np.arange(len(offsets)), ends):
        (x, y, z), last = offsets[part[0]], offsets[part[-1], 0]
        yield Row(
            slice(int(part[0]), int(part[-1]) + 1),
            slice(patches.reach + int(x), patches.reach + int(last) + 1),
            (int(y), int(z)),
            torch.from_numpy(patches.weights[part]).to(place)[:, None, None, None],
        )


def _split(patches: Tensor, counts: Tensor, rule: Rule) -> tuple[Tensor, Tensor]:
    """Return patches (patch, voxel, t) of unit noise without it, and their ranks (patch,).

    Voxels that were not measured are 0 in them. In double precision: the eigenvalues of noise are
    a millionth of those of a mean image.
    """
    import torch

    mean = _mean(patches, counts, rule)
    centred = (patches - mean).to(torch.complex128 if patches.is_complex() else torch.float64)
    voxels, volumes = patches.shape[1:]
    wide = volumes <= voxels
    matrix = centred.mH @ centred if wide else centred @ centred.mH
    values, vectors = _eigenvectors(matrix)
    share = _shares(values, counts[:, None].double(), volumes, rule.shrinkage)
    rank = (share > 0).sum(dim=-1)
    most = int(rank.max())
    if not most:
        return mean.clone(), rank.float()
    vectors, share = vectors[..., -most:], share[:, None, -most:]
    into, back = vectors * share, vectors.mH
    found = (centred @ into) @ back if wide else into @ (back @ centred)
    return mean + found.to(patches.dtype), rank.float()


def _eigenvectors(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues, rising, and eigenvectors of Hermitian matrices (matrix, n, n).

    LAPACK as torch has it does not always converge where most voxels of a patch were not measured:
    as NumPy has it, it does.
    """
    import torch

    try:
        found: tuple[Tensor, Tensor] = torch.linalg.eigh(matrices)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        values, vectors = (
            torch.from_numpy(each) for each in np.linalg.eigh(matrices.cpu().numpy())
        )
        found = values.to(matrices.device), vectors.to(matrices.device)
    return found


def _mean(patches: Tensor, counts: Tensor, rule: Rule) -> Tensor:
    """Return what is taken out of patches before, 0 where nothing was measured."""
    import torch

    if rule.centred:
        mean = patches.sum(dim=1, keepdim=True) / counts.clamp(min=1)[:, None, None]
        return mean * patches.any(dim=-1, keepdim=True)
    if not rule.groups:
        return torch.zeros_like(patches[..., :1]).expand_as(patches)
    mean = torch.empty_like(patches)
    for group in rule.groups:
        mean[..., group] = patches[..., group].mean(dim=-1, keepdim=True)
    return mean


def _shares(values: Tensor, counts: Tensor, volumes: int, shrinkage: str) -> Tensor:
    """Return `local_pca_reference.shares` of the eigenvalues of Gram matrices."""
    import torch

    longer = counts.clamp(min=volumes)
    ratio = counts.clamp(max=volumes) / longer
    scaled = values / longer
    above = scaled > (1 + ratio.sqrt()) ** 2
    if shrinkage == "truncation":
        return above.to(values.dtype)
    spread = (scaled - ratio - 1) ** 2 - 4 * ratio
    return torch.where(above, spread.clamp(min=0).sqrt() / scaled, torch.zeros_like(scaled))

"""``bids-denoise-view``: a page on which denoising is tried live, and its small server."""

from bids_denoise.viewer.command import main

__all__ = ["main"]

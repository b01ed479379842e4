"""``bids-denoise-train``: make a weight file from a recipe, or fine-tune one."""

from bids_denoise.training.command import main

__all__ = ["main"]

"""Remove the noise of every MRI in a BIDS dataset, and prove that it helped."""

__version__ = "0.1.0"

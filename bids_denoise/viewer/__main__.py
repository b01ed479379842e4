"""``python -m bids_denoise.viewer``."""

import sys

from bids_denoise.viewer import main

if __name__ == "__main__":
    sys.exit(main())

"""What the app writes: names, sidecars, dataset files, and the one door to the disk."""

"""Statistics over the images of a group."""

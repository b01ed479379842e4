"""What the brain looks like: where it lies, its tissues, and how one is brought to another."""

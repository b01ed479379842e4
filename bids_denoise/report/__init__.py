"""The pages people read: figures, numbers, methods text, for a participant and for a group."""

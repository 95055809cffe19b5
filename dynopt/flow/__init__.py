"""The continuous side: flows integrated, iterates on the same time axis, the distance between them."""

"""What splits are called elsewhere."""

HUB = {"train": "train", "val": "validation", "test": "test"}

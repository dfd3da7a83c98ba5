"""Which images are so small that they are enlarged with sharp pixels, as the demo world's are."""

LOW_RESOLUTION_SIDE = 96  # pixels; what is wider or taller is treated as a photograph


def is_low_resolution(size: tuple[int, int]) -> bool:
    """Whether an image of this size (width, height in pixels) is to be enlarged pixel by pixel."""
    return max(size) <= LOW_RESOLUTION_SIDE

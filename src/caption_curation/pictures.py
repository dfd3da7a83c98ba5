"""Which pictures are drawings, whose pixels should stay sharp wherever they are shown enlarged."""

DRAWN_SIDE = 96  # pixels; what is wider or higher is a photograph


def is_drawing(size: tuple[int, int]) -> bool:
    """Whether a picture of this size (width, height in pixels) is a drawing."""
    return max(size) <= DRAWN_SIDE

"""The name of a synthetic image: a hash of everything that it depends on."""

import hashlib
import json
from dataclasses import asdict, dataclass

from caption_curation.rng import seed_for
from caption_curation.support.arithmetic import Arithmetic
from caption_curation.support.errors import InputError

MAX_DESCRIPTION_BYTES = 65533  # what fits into a JPEG comment


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What distinguishes the images of one recipe; ``seed`` is in [0, 2**63).

    ``in_windows``: the prompt is longer than the text encoder can read, and is encoded in windows
    instead of being truncated. Never set if a prompt fits, so that such an image has one key.
    """

    prompt: str
    seed: int
    in_windows: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """How images are generated and stored: everything that their keys cover besides the request.

    ``generator`` is a digest of the generator's weights, ``size`` is (width, height) in pixels,
    ``torch``, ``diffusers`` and ``transformers`` are versions of these libraries. What native
    ``arithmetic`` gives depends on the machine, which shares its images nevertheless; portable
    arithmetic gives one image everywhere, which no native one may stand for.
    """

    generator: str
    sampler: str
    steps: int
    guidance: float
    negative_prompt: str
    size: tuple[int, int]
    jpeg_quality: int
    torch: str
    diffusers: str
    transformers: str
    arithmetic: Arithmetic = "native"


def describe(recipe: Recipe, request: ImageRequest) -> bytes:
    """Recipe and request as canonical JSON (keys sorted, no spaces, ASCII).

    The key is a hash of it, and the image carries it as its JPEG comment, so that an image alone
    tells which key it belongs to and how it was made.

    Raises:
        InputError: it does not fit into a JPEG comment (a prompt of tens of thousands of letters).
    """
    fields = asdict(request)
    if not request.in_windows:  # keeps the keys from before this field existed
        del fields["in_windows"]
    described = asdict(recipe)
    if recipe.arithmetic == "native":  # likewise
        del described["arithmetic"]
    record = {"recipe": described, "request": fields}
    description = json.dumps(record, sort_keys=True, separators=(",", ":")).encode("ascii")
    if len(description) > MAX_DESCRIPTION_BYTES:
        raise InputError(
            f"the prompt {request.prompt[:60]!r}… has {len(request.prompt)} characters; with all "
            f"that describes the image it takes {len(description)} bytes, and "
            f"{MAX_DESCRIPTION_BYTES} are allowed"
        )
    return description


def image_key(recipe: Recipe, request: ImageRequest) -> str:
    """SHA-256 of recipe and request, 64 hexadecimal digits."""
    return hashlib.sha256(describe(recipe, request)).hexdigest()


def image_seed(
    image_id: str, replicate: int, candidate: int = 1, *, generator_seed: int = 0
) -> int:
    """The seed of the ``replicate``-th synthetic image of an image, in [0, 2**63).

    It depends on nothing else, the experiment's ``seed`` included: experiments of one
    ``generator_seed`` share their images. Of several candidates for one replicate, the first has
    the seed that it has alone.
    """
    of_candidate = () if candidate == 1 else (candidate,)
    if generator_seed == 0:  # as before there were others: images of then keep their keys
        return seed_for("image", image_id, replicate, *of_candidate)
    return seed_for("image of a generator", generator_seed, image_id, replicate, *of_candidate)


def attempt_seed(seed: int, attempt: int) -> int:
    """The seed of an attempt (from 0) at an image, in [0, 2**63); the first has the image's own."""
    return seed_for("attempt", seed, attempt) if attempt else seed

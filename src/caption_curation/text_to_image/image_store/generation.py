"""Generating the images that a store lacks: processes share the work, and kills lose little."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace

from PIL import Image
from tqdm import tqdm

from caption_curation.support.claims import Claim
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.launcher import process_info
from caption_curation.text_to_image.image_store.checks import TOGETHER, GoodImage, ImageChecks
from caption_curation.text_to_image.image_store.files import StoreFiles
from caption_curation.text_to_image.image_store.image_files import encode_image, looks_complete
from caption_curation.text_to_image.image_store.keys import ImageRequest, Recipe, attempt_seed

ATTEMPTS = 16  # seeds to try before giving up on an image, which fails the stage
WRITERS = 4  # threads that encode and write images while the next ones are generated
UNUSABLE_IMAGES = (
    f"{ATTEMPTS} attempts, each with another seed, gave all-black images (from a safety checker) "
    "or values that are not finite; change the prompt or the generator"
)

Generate = Callable[[list[ImageRequest]], Iterable[Image.Image | None]]


def generate_missing(
    files: StoreFiles,
    checks: ImageChecks,
    recipe: Recipe,
    requests: Mapping[str, ImageRequest],
    generate: Generate,
    batch_size: int,
) -> int:
    """Generate images, unless another process does; see ``ImageStore.obtain``.

    Returns:
        How many this process has generated.
    """
    progress = tqdm(
        total=len(requests),
        desc="images",
        unit="image",
        disable=process_info().hide_progress,
    )
    batches = _claimed_batches(files, list(requests), batch_size, progress)
    written: list[GoodImage] = []
    count = 0
    unusable: list[ImageRequest] = []
    # On an error, the writers finish the images at hand before it reaches the caller.
    with progress, ThreadPoolExecutor(WRITERS) as writers, closing(batches):
        writing: list[Future[GoodImage]] = []
        for claims in batches:
            previous = writing
            writing, failed = _generate_batch(files, recipe, requests, claims, generate, writers)
            unusable += failed
            written += _finish(previous, progress)
            # Not the latest: what was written a moment ago cannot be remembered yet.
            if len(written) > 2 * TOGETHER:
                checks.remember(written[:TOGETHER])
                del written[:TOGETHER]
                count += TOGETHER
            if not writing:  # the generator is at fault, not a prompt here and there
                break
        written += _finish(writing, progress)
    checks.remember(written)
    if unusable:
        faults = [f"seed {request.seed}, prompt {request.prompt!r}" for request in unusable]
        raise InputError(list_faults(UNUSABLE_IMAGES, faults))
    return count + len(written)


def _generate_batch(
    files: StoreFiles,
    recipe: Recipe,
    requests: Mapping[str, ImageRequest],
    claims: dict[str, Claim],
    generate: Generate,
    writers: Executor,
) -> tuple[list["Future[GoodImage]"], list[ImageRequest]]:
    """Generate the images of the claimed keys; each claim ends when its image is written.

    Returns:
        The writes in progress, and the requests for which every attempt was unusable.
    """
    writing = []
    waiting = list(claims)
    try:
        for attempt in range(ATTEMPTS):
            batch = [
                replace(request, seed=attempt_seed(request.seed, attempt))
                for request in map(requests.__getitem__, waiting)
            ]
            unusable = []
            for key, image in zip(waiting, generate(batch), strict=True):
                if image is None or image.getbbox() is None:
                    unusable.append(key)
                    continue
                write = (claims.pop(key), key, image, recipe, requests[key], attempt)
                writing.append(writers.submit(_encode_and_write, files, *write))
            waiting = unusable
            if not waiting:
                break
    finally:
        for claim in claims.values():
            claim.close()
    return writing, [requests[key] for key in waiting]


def _encode_and_write(
    files: StoreFiles,
    claim: Claim,
    key: str,
    image: Image.Image,
    recipe: Recipe,
    request: ImageRequest,
    attempt: int,
) -> GoodImage:
    with closing(claim):
        return files.write(key, encode_image(image, recipe, request, attempt=attempt))


def _claimed_batches(
    files: StoreFiles, keys: list[str], batch_size: int, progress: "tqdm[None]"
) -> Generator[dict[str, Claim], None, None]:
    """Batches of the keys that are still missing, with their claims, which the caller ends.

    All processes go through their keys in order and skip what another process holds, so two
    that need the same images generate alternate batches, whatever they share and whenever they
    start; other starting points or orders would gain nothing. A process waits only when
    everything it still needs is being generated elsewhere; the claims that it then holds are of
    finished images, and end when these are written.
    """
    pending = keys
    while pending:
        held_elsewhere: list[str] = []
        remaining = iter(pending)
        while True:
            with ExitStack() as held:
                claims: dict[str, Claim] = {}
                for key in remaining:
                    claim = files.claims.claim(key)
                    if claim is None:
                        held_elsewhere.append(key)
                    elif looks_complete(files.path(key)):
                        claim.close()
                        progress.update()
                    else:
                        claims[key] = held.enter_context(closing(claim))
                    if len(claims) == batch_size:
                        break
                if not claims:
                    break
                held.pop_all()  # the caller owns them from here on
            yield claims
        if held_elsewhere:
            files.claims.wait_until_free(held_elsewhere[0])
        pending = held_elsewhere


def _finish(writing: Iterable["Future[GoodImage]"], progress: "tqdm[None]") -> Iterator[GoodImage]:
    """Wait until images are written; raises what the writing raised."""
    for future in writing:
        yield future.result()
        progress.update()

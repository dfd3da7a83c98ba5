"""The store: obtain images without drawing any twice, and link them into a stage's output."""

import fcntl
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.launcher import these_processes
from caption_curation.support.outputs import link_or_copy
from caption_curation.text_to_image.image_store.claims import Claim, try_claim, wait_until_free
from caption_curation.text_to_image.image_store.dvc_images import (
    add_object,
    images_in_dvc_cache,
    read_object,
)
from caption_curation.text_to_image.image_store.image_files import (
    encode_image,
    fault_of_image,
    looks_whole,
)
from caption_curation.text_to_image.image_store.keys import ImageRequest, Recipe, attempt_seed

READ_ONLY = 0o444  # hard links share their content: an edit in place would change all of them
ATTEMPTS = 16  # seeds tried before an image is given up, without which the stage has no output
WRITERS = 4  # threads that encode and write images while the next ones are drawn
UNUSABLE_IMAGES = (
    f"{ATTEMPTS} attempts with as many seeds gave all-black images (a safety checker draws them) "
    "or values that are not finite; change the prompt or the generator"
)

Generate = Callable[[list[ImageRequest]], Iterable[Image.Image | None]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the images came from; ``reused``: the store had them, or another process drew them."""

    generated: int
    reused: int
    imported: int


@contextmanager
def open_store(dvc_cache: Path, *, alone: bool = False) -> Iterator["ImageStore"]:
    """The image store of a DVC cache folder. Any number of processes may have it open at once.

    Args:
        dvc_cache: see :func:`dvc_cache_folder`.
        alone: no other process may have it open meanwhile, for whoever removes images.

    Raises:
        InputError: ``alone``, and another process has it open.
    """
    store = ImageStore(dvc_cache)
    store.claims.mkdir(parents=True, exist_ok=True)
    # To be read too, or a server of NFS refuses the shared lock.
    with (store.folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if alone:
                raise InputError(
                    f"{store.folder}: a running stage uses the image store; "
                    "try again when it is done"
                ) from error
        else:
            store.remove_leftovers()
        if not alone:
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield store


class ImageStore:
    """Complete, read-only JPEG files, named by their keys; get one from :func:`open_store`."""

    def __init__(self, dvc_cache: Path) -> None:
        self.dvc_cache = dvc_cache
        self.folder = dvc_cache / "caption_curation"
        self.images = self.folder / "images"
        self.claims = self.folder / "claims"

    def path(self, key: str) -> Path:
        """Where the image of a key lies, if it is stored."""
        return self.images / key[:2] / f"{key}.jpg"

    def missing(self, keys: Iterable[str]) -> list[str]:
        """The keys whose image is absent or visibly damaged, in their order."""
        return [key for key in keys if not looks_whole(self.path(key))]

    def obtain(
        self,
        recipe: Recipe,
        requests: Mapping[str, ImageRequest],
        generate: Generate,
        batch_size: int,
    ) -> Counts:
        """Have the image of every key in the store.

        Missing images come from directories in DVC's cache, else from ``generate``. Each is stored
        as soon as it is there, so a run that is killed loses only the ones being drawn. Processes
        that need the same images at the same time share the work: each draws what no other one is
        drawing, and at the end waits for the others' last batches.

        An image that is all black, or ``None``, is drawn again with the next of ``ATTEMPTS``
        seeds (:func:`attempt_seed`), and stored under the key of its request all the same.

        Args:
            recipe: how ``generate`` draws.
            requests: what to draw, by key (:func:`image_key`).
            generate: called with at most ``batch_size`` requests, returns their images in order,
                ``None`` for one that is not usable; never called if nothing is missing.
            batch_size: images drawn, and claimed, at a time. Those of the batch before are encoded
                and written meanwhile.

        Raises:
            InputError: no attempt at some images was usable; all others are stored, unless these
                were a whole batch.
        """
        missing = self.missing(requests)
        imported = self._import_from_dvc(missing)
        generated = self._generate_missing(
            recipe, {key: requests[key] for key in self.missing(missing)}, generate, batch_size
        )
        return Counts(generated, len(requests) - generated - imported, imported)

    def link_images(self, keys: Iterable[str], folder: Path) -> None:
        """Make ``folder`` with exactly the images of ``keys``, as hard links (else copies).

        They are in DVC's cache then too, see :func:`add_object`.

        Raises:
            FileExistsError: the folder exists.
        """
        folder.mkdir(parents=True)
        for key in dict.fromkeys(keys):
            add_object(self.dvc_cache, self.path(key))
            _provide(self.path(key), folder / f"{key}.jpg")

    def remove_leftovers(self) -> None:
        """Remove what killed processes left; only while no other one has the store open."""
        for leftover in [*self.claims.iterdir(), *self.images.glob("??/*.partial")]:
            leftover.unlink()

    def _import_from_dvc(self, missing: Collection[str]) -> int:
        wanted = set(missing)
        if not wanted:
            return 0
        for key, object_file in images_in_dvc_cache(self.dvc_cache):
            if key in wanted and self._import_image(key, object_file):
                wanted.remove(key)
                if not wanted:
                    break
        return len(missing) - len(wanted)

    def _import_image(self, key: str, object_file: Path) -> bool:
        claim = try_claim(self._claim_file(key))
        if claim is None:  # another process is obtaining it at this moment
            return False
        with closing(claim):
            content = None if looks_whole(self.path(key)) else read_object(object_file)
            if content is None or fault_of_image(content, key):
                return False
            partial = self._partial_file(key)
            _provide(object_file, partial)
            partial.replace(self.path(key))
        return True

    def _generate_missing(
        self,
        recipe: Recipe,
        requests: Mapping[str, ImageRequest],
        generate: Generate,
        batch_size: int,
    ) -> int:
        progress = tqdm(
            total=len(requests),
            desc="images",
            unit="image",
            disable=these_processes().hide_progress,
        )
        batches = self._claimed_batches(list(requests), batch_size, progress)
        generated = 0
        unusable: list[ImageRequest] = []
        # On an error the writers finish what is drawn before it goes on to the caller.
        with progress, ThreadPoolExecutor(WRITERS) as writers, closing(batches):
            writing: list[Future[None]] = []
            for claims in batches:
                earlier = writing
                writing, never = self._draw_batch(recipe, requests, claims, generate, writers)
                unusable += never
                generated += _finish(earlier, progress)
                if not writing:  # not a prompt here and there, but the generator is at fault
                    break
            generated += _finish(writing, progress)
        if unusable:
            faults = [f"seed {request.seed}, prompt {request.prompt!r}" for request in unusable]
            raise InputError(list_faults(UNUSABLE_IMAGES, faults))
        return generated

    def _draw_batch(
        self,
        recipe: Recipe,
        requests: Mapping[str, ImageRequest],
        claims: dict[str, Claim],
        generate: Generate,
        writers: Executor,
    ) -> tuple[list["Future[None]"], list[ImageRequest]]:
        """Draw the images of the claimed keys; each claim ends when its image is written.

        Returns:
            What is being written, and the requests that no attempt gave a usable image for.
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
                    writing.append(writers.submit(self._encode_and_write, *write))
                waiting = unusable
                if not waiting:
                    break
        finally:
            for claim in claims.values():
                claim.close()
        return writing, [requests[key] for key in waiting]

    def _encode_and_write(
        self,
        claim: Claim,
        key: str,
        image: Image.Image,
        recipe: Recipe,
        request: ImageRequest,
        attempt: int,
    ) -> None:
        with closing(claim):
            self._write(key, encode_image(image, recipe, request, attempt=attempt))

    def _claimed_batches(
        self, keys: list[str], batch_size: int, progress: "tqdm[None]"
    ) -> Generator[dict[str, Claim], None, None]:
        """Batches of the keys that are missing still, with their claims, which the caller ends.

        All processes go through their keys in order and pass over what another one holds, so two
        that need the same images draw alternate batches, whatever they share and whenever they
        start; other starting points or orders would give no more. A process waits only when all
        that it still needs is being drawn elsewhere; the claims that it holds then are of drawn
        images, and end with their writing.
        """
        pending = keys
        while pending:
            held_elsewhere: list[str] = []
            remaining = iter(pending)
            while True:
                with ExitStack() as held:
                    claims: dict[str, Claim] = {}
                    for key in remaining:
                        claim = try_claim(self._claim_file(key))
                        if claim is None:
                            held_elsewhere.append(key)
                        elif looks_whole(self.path(key)):
                            claim.close()
                            progress.update()
                        else:
                            claims[key] = held.enter_context(closing(claim))
                        if len(claims) == batch_size:
                            break
                    if not claims:
                        break
                    held.pop_all()  # the caller's from here on
                yield claims
            if held_elsewhere:
                wait_until_free(self._claim_file(held_elsewhere[0]))
            pending = held_elsewhere

    def _write(self, key: str, content: bytes) -> None:
        partial = self._partial_file(key)
        partial.write_bytes(content)
        partial.chmod(READ_ONLY)
        partial.replace(self.path(key))

    def _claim_file(self, key: str) -> Path:
        return self.claims / f"{key}.lock"

    def _partial_file(self, key: str) -> Path:
        """A free name beside the image; only the holder of the key's claim uses it."""
        partial = self.path(key).with_suffix(".partial")
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)  # read-only, of a process that was killed
        return partial


def _finish(writing: Iterable["Future[None]"], progress: "tqdm[None]") -> int:
    """Wait until images are written; their number. Raises what their writing raised."""
    number = 0
    for future in writing:
        future.result()
        progress.update()
        number += 1
    return number


def _provide(image: Path, target: Path) -> None:
    """Link or copy an image; a copy is read-only too."""
    link_or_copy(image, target)
    if not target.samefile(image):
        target.chmod(READ_ONLY)

"""The store: obtain images without generating any twice, link them into a stage's output."""

import fcntl
from collections.abc import (
    Callable,
    Collection,
    Generator,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from PIL import Image
from tqdm import tqdm

from caption_curation.support.claims import Claim, try_claim, wait_until_free
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.launcher import process_info
from caption_curation.support.outputs import link_or_copy
from caption_curation.text_to_image.image_store.checks import (
    ABSENT,
    TOGETHER,
    GoodImage,
    ImageChecks,
    md5_of,
)
from caption_curation.text_to_image.image_store.dvc_images import add_object, read_object
from caption_curation.text_to_image.image_store.image_files import (
    encode_image,
    image_fault,
    looks_complete,
)
from caption_curation.text_to_image.image_store.keys import ImageRequest, Recipe, attempt_seed
from caption_curation.text_to_image.image_store.listings import Listings

READ_ONLY = 0o444  # hard links share their content: editing one in place would change them all
ATTEMPTS = 16  # seeds to try before giving up on an image, which fails the stage
WRITERS = 4  # threads that encode and write images while the next ones are generated
UNUSABLE_IMAGES = (
    f"{ATTEMPTS} attempts, each with another seed, gave all-black images (from a safety checker) "
    "or values that are not finite; change the prompt or the generator"
)

Generate = Callable[[list[ImageRequest]], Iterable[Image.Image | None]]
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the images came from; ``reused``: from the store, or from another process."""

    generated: int
    reused: int
    imported: int


@contextmanager
def open_store(dvc_cache: Path, *, alone: bool = False) -> Iterator["ImageStore"]:
    """The image store of a DVC cache folder. Any number of processes may have it open at once.

    Args:
        dvc_cache: see :func:`dvc_cache_folder`.
        alone: no other process may have it open meanwhile; for removing images.

    Raises:
        InputError: ``alone``, and another process has it open.
    """
    store = ImageStore(dvc_cache)
    store.claims.mkdir(parents=True, exist_ok=True)
    # Readable too, or an NFS server refuses the shared lock.
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
        self._checks = ImageChecks(dvc_cache)

    def path(self, key: str) -> Path:
        """Where the image of a key is, if it is stored."""
        return self.images / key[:2] / f"{key}.jpg"

    def missing(self, keys: Iterable[str]) -> list[str]:
        """The keys whose image is absent or obviously damaged, in their order; nothing is read."""
        return [key for key in keys if not looks_complete(self.path(key))]

    def choose_keys(self, alternatives: Mapping[Name, Sequence[str]]) -> dict[Name, str]:
        """Of the keys that an image may have, the first whose image is there; else the first.

        What only directories in DVC's cache have is stored. Of keys after the first, no process may
        be generating the image.

        Args:
            alternatives: at least one key for each image, by any name.
        """
        several = {name: keys for name, keys in alternatives.items() if len(keys) > 1}
        self._check_stored([key for keys in several.values() for key in keys])
        chosen = {name: self._first_stored(keys) for name, keys in several.items()}
        waiting = [name for name, key in chosen.items() if key is None]
        self._import_from_dvc([key for name in waiting for key in alternatives[name]])
        for name in waiting:
            for key in alternatives[name][1:]:
                wait_until_free(self._claim_file(key))  # another process may be importing it
            chosen[name] = self._first_stored(alternatives[name])
        return {name: chosen.get(name) or keys[0] for name, keys in alternatives.items()}

    def _first_stored(self, keys: Sequence[str]) -> str | None:
        missing = set(self.missing(keys))
        return next((key for key in keys if key not in missing), None)

    def obtain(
        self,
        recipe: Recipe,
        requests: Mapping[str, ImageRequest],
        generate: Generate,
        batch_size: int,
    ) -> Counts:
        """Make sure that the store has the image of every key.

        What is there already is checked as what is imported is (:class:`ImageChecks`); a file that
        is not the image of its key is removed. Missing images come from directories in DVC's cache,
        or else from ``generate``. Each is stored as soon as it is ready, so a killed run loses only
        those in progress. Processes that need the same images at the same time share the work: each
        generates what no other process is generating, and at the end waits for the last batches of
        the others.

        An image that is all black, or ``None``, is generated again with the next of ``ATTEMPTS``
        seeds (:func:`attempt_seed`), and still stored under the key of its request.

        Args:
            recipe: how ``generate`` makes images.
            requests: what to generate, by key (:func:`image_key`).
            generate: called with at most ``batch_size`` requests, returns their images in order,
                ``None`` for one that is unusable; never called if nothing is missing.
            batch_size: number of images generated, and claimed, at a time. Those of the previous
                batch are encoded and written meanwhile.

        Raises:
            InputError: every attempt at some images was unusable. All other images are stored,
                unless a whole batch was unusable, which ends the work.
        """
        missing = self._check_stored(requests)
        imported = self._import_from_dvc(missing)
        generated = self._generate_missing(
            recipe, {key: requests[key] for key in self.missing(missing)}, generate, batch_size
        )
        return Counts(generated, len(requests) - generated - imported, imported)

    def link_images(self, keys: Iterable[str], folder: Path) -> dict[str, str]:
        """Make ``folder`` with exactly the images of ``keys``, as hard links (else copies).

        They are then in DVC's cache as well, see :func:`add_object`.

        Returns:
            The MD5 of each image's bytes, by key.

        Raises:
            FileExistsError: the folder exists.
            InputError: the file of a key is not, or no longer, its image.
        """
        keys = list(dict.fromkeys(keys))
        folder.mkdir(parents=True)
        if faults := self._faults(keys):
            listed = [f"{self.path(key)}: {fault}" for key, fault in faults.items()]
            raise InputError(list_faults("images were damaged just now; run this again", listed))
        digests = {}
        for some in _parts(keys):
            images = list(map(self.path, some))
            for key, image, digest in zip(some, images, self._checks.md5(images), strict=True):
                add_object(self.dvc_cache, image, digest, self._checks)
                _provide(image, folder / f"{key}.jpg")
                digests[key] = digest
        return digests

    def remove_leftovers(self) -> None:
        """Remove what killed processes left; only while no other process has the store open."""
        for leftover in [*self.claims.iterdir(), *self.images.glob("??/*.partial")]:
            leftover.unlink()

    def _check_stored(self, keys: Collection[str]) -> list[str]:
        """Remove stored files that are not the image of their key; the keys without an image."""
        faults = self._faults(keys)
        self._remove([key for key, fault in faults.items() if fault != ABSENT])
        return [key for key in keys if key in faults]

    def _faults(self, keys: Iterable[str]) -> dict[str, str]:
        """What is wrong with stored images; a path takes 0.6 kB, hence some at a time."""
        faults: dict[str, str] = {}
        for some in _parts(keys):
            faults |= self._checks.faults({key: self.path(key) for key in some})
        return faults

    def _remove(self, faulty: Collection[str]) -> None:
        """Remove files that are not the image of their key, unless another process has by now."""
        removed = []
        for key in faulty:
            if claim := try_claim(self._claim_file(key)):
                with closing(claim):
                    for fault in self._checks.faults({key: self.path(key)}).values():
                        self.path(key).unlink(missing_ok=True)
                        removed.append(f"{self.path(key)}: {fault}")
        if removed:
            print(list_faults("removed from the image store, to be made anew", removed))

    def _import_from_dvc(self, missing: Collection[str]) -> int:
        wanted = set(missing)
        if not wanted:
            return 0
        for key, object_file in Listings(self.dvc_cache).objects_of(missing):
            if key in wanted and self._import_image(key, object_file):
                wanted.remove(key)
        return len(missing) - len(wanted)

    def _import_image(self, key: str, object_file: Path) -> bool:
        claim = try_claim(self._claim_file(key))
        if claim is None:  # another process is obtaining it right now
            return False
        with closing(claim):
            content = None if looks_complete(self.path(key)) else read_object(object_file)
            if content is None or image_fault(content, key):
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
            disable=process_info().hide_progress,
        )
        batches = self._claimed_batches(list(requests), batch_size, progress)
        written: list[GoodImage] = []
        count = 0
        unusable: list[ImageRequest] = []
        # On an error, the writers finish the images at hand before it reaches the caller.
        with progress, ThreadPoolExecutor(WRITERS) as writers, closing(batches):
            writing: list[Future[GoodImage]] = []
            for claims in batches:
                previous = writing
                writing, failed = self._generate_batch(recipe, requests, claims, generate, writers)
                unusable += failed
                written += _finish(previous, progress)
                # Not the latest: what was written a moment ago cannot be remembered yet.
                if len(written) > 2 * TOGETHER:
                    self._checks.remember(written[:TOGETHER])
                    del written[:TOGETHER]
                    count += TOGETHER
                if not writing:  # the generator is at fault, not a prompt here and there
                    break
            written += _finish(writing, progress)
        self._checks.remember(written)
        if unusable:
            faults = [f"seed {request.seed}, prompt {request.prompt!r}" for request in unusable]
            raise InputError(list_faults(UNUSABLE_IMAGES, faults))
        return count + len(written)

    def _generate_batch(
        self,
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
    ) -> GoodImage:
        with closing(claim):
            return self._write(key, encode_image(image, recipe, request, attempt=attempt))

    def _claimed_batches(
        self, keys: list[str], batch_size: int, progress: "tqdm[None]"
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
                        claim = try_claim(self._claim_file(key))
                        if claim is None:
                            held_elsewhere.append(key)
                        elif looks_complete(self.path(key)):
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
                wait_until_free(self._claim_file(held_elsewhere[0]))
            pending = held_elsewhere

    def _write(self, key: str, content: bytes) -> GoodImage:
        partial = self._partial_file(key)
        partial.write_bytes(content)
        partial.chmod(READ_ONLY)
        status = partial.stat()
        partial.replace(self.path(key))
        return GoodImage(key, self.path(key), status, md5_of(content))

    def _claim_file(self, key: str) -> Path:
        return self.claims / f"{key}.lock"

    def _partial_file(self, key: str) -> Path:
        """A temporary name beside the image, for the holder of the key's claim only."""
        partial = self.path(key).with_suffix(".partial")
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)  # read-only, left by a killed process
        return partial


def _parts(keys: Iterable[str]) -> Iterator[list[str]]:
    """The keys, some at a time."""
    rest = iter(keys)
    while some := list(islice(rest, TOGETHER)):
        yield some


def _finish(writing: Iterable["Future[GoodImage]"], progress: "tqdm[None]") -> Iterator[GoodImage]:
    """Wait until images are written; raises what the writing raised."""
    for future in writing:
        yield future.result()
        progress.update()


def _provide(image: Path, target: Path) -> None:
    """Link or copy an image; a copy is read-only too."""
    if not link_or_copy(image, target):
        target.chmod(READ_ONLY)

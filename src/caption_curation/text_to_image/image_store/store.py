"""The store: obtain images without generating any twice, link them into a stage's output."""

import fcntl
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from caption_curation.support.errors import InputError, list_faults
from caption_curation.text_to_image.image_store.checks import ABSENT, TOGETHER, ImageChecks
from caption_curation.text_to_image.image_store.dvc_images import add_object, read_object
from caption_curation.text_to_image.image_store.files import StoreFiles, provide
from caption_curation.text_to_image.image_store.generation import Generate, generate_missing
from caption_curation.text_to_image.image_store.image_files import image_fault, looks_complete
from caption_curation.text_to_image.image_store.keys import ImageRequest, Recipe
from caption_curation.text_to_image.image_store.listings import Listings

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
    (store.folder / "claims").mkdir(parents=True, exist_ok=True)
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


class ImageStore(StoreFiles):
    """Images that are made once; get a store from :func:`open_store`."""

    def __init__(self, dvc_cache: Path) -> None:
        super().__init__(dvc_cache / "caption_curation")
        self.dvc_cache = dvc_cache
        self._checks = ImageChecks(dvc_cache)

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
                self.claims.wait_until_free(key)  # another process may be importing it
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
        wanted = {key: requests[key] for key in self.missing(missing)}
        generated = generate_missing(self, self._checks, recipe, wanted, generate, batch_size)
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
                provide(image, folder / f"{key}.jpg")
                digests[key] = digest
        return digests

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
            if claim := self.claims.claim(key):
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
        claim = self.claims.claim(key)
        if claim is None:  # another process is obtaining it right now
            return False
        with closing(claim):
            content = None if looks_complete(self.path(key)) else read_object(object_file)
            if content is None or image_fault(content, key):
                return False
            self.take(key, object_file)
        return True


def _parts(keys: Iterable[str]) -> Iterator[list[str]]:
    """The keys, some at a time."""
    rest = iter(keys)
    while some := list(islice(rest, TOGETHER)):
        yield some

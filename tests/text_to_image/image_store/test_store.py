"""Obtaining and linking images in one process."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from PIL import Image

from caption_curation.numerical_classes import UNKNOWN
from caption_curation.support.dvc_cache import dvc_cache_folder
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.image_store import (
    CLASS,
    Counts,
    ImageRequest,
    ImageStore,
    image_key,
    open_store,
    origin_of,
)
from caption_curation.text_to_image.image_store import store as store_module
from caption_curation.text_to_image.image_store.generation import ATTEMPTS
from caption_curation.text_to_image.image_store.image_files import encode_image, image_fault
from caption_curation.text_to_image.image_store.keys import attempt_seed
from tests.text_to_image.image_store.noise_generator import (
    BATCH_SIZE,
    RECIPE,
    claimed_slots,
    noise_image,
    noise_images,
    requests_for,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ImageStore]:
    with open_store(tmp_path / "cache") as opened:
        yield opened


def nothing_to_generate(batch: Sequence[ImageRequest]) -> NoReturn:
    raise AssertionError(f"asked to generate {batch}")


def obtain(store: ImageStore, seeds: range) -> Counts:
    return store.obtain(RECIPE, requests_for(seeds), noise_images, BATCH_SIZE)


def test_each_image_is_generated_once(store: ImageStore) -> None:
    generated: list[int] = []

    def generate(batch: list[ImageRequest]) -> list[Image.Image]:
        assert len(batch) <= BATCH_SIZE
        generated.extend(request.seed for request in batch)
        return noise_images(batch)

    first, second = requests_for(range(6)), requests_for(range(3, 9))
    assert store.obtain(RECIPE, first, generate, BATCH_SIZE) == Counts(6, 0, 0)
    assert store.obtain(RECIPE, second, generate, BATCH_SIZE) == Counts(3, 3, 0)
    assert generated == list(range(9))
    assert store.obtain(RECIPE, second, nothing_to_generate, BATCH_SIZE) == Counts(0, 6, 0)
    assert store.missing([*first, *second]) == []


def test_many_images_are_counted_and_linked_though_only_some_are_held_at_a_time(
    store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "TOGETHER", 3)
    assert obtain(store, range(20)) == Counts(20, 0, 0)
    assert obtain(store, range(25)) == Counts(5, 20, 0)

    keys = list(requests_for(range(25)))
    digests = store.link_images([*keys, keys[0]], tmp_path / "linked")
    assert list(digests) == keys
    for key, digest in digests.items():
        content = (tmp_path / "linked" / f"{key}.jpg").read_bytes()
        assert hashlib.md5(content).hexdigest() == digest
        assert image_fault(content, key) is None


def test_each_key_gets_its_own_image(store: ImageStore) -> None:
    obtain(store, range(6))
    for key, request in requests_for(range(6)).items():
        with Image.open(store.path(key)) as image:
            assert image.format == "JPEG"
            assert image.size == RECIPE.size
            # The expected pixels, by way of a JPEG file without a comment.
            plain = store.folder / "plain.jpg"
            noise_image(request).save(plain, quality=RECIPE.jpeg_quality)
            with Image.open(plain) as expected:
                assert image.tobytes() == expected.tobytes()
            assert hashlib.sha256(image.info["comment"]).hexdigest() == key
            assert json.loads(image.info["comment"])["request"]["seed"] == request.seed


def test_equal_images_are_equal_bytes(store: ImageStore, tmp_path: Path) -> None:
    obtain(store, range(6))
    with open_store(tmp_path / "another cache") as another:
        obtain(another, range(6))
        for key in requests_for(range(6)):
            assert store.path(key).read_bytes() == another.path(key).read_bytes()


def test_files_are_read_only_and_nothing_else_stays(store: ImageStore) -> None:
    obtain(store, range(6))
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    files = [path for path in files if path.suffix != ".sqlite"]  # what is remembered
    expected = {store.path(key) for key in requests_for(range(6))}
    locks = {store.folder / "lock", *(store.folder / "claims").iterdir()}
    assert set(files) == {*expected, *locks}
    assert sum(lock.stat().st_size for lock in locks) == 0
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in expected)


@pytest.mark.parametrize("damage", ["cut short", "empty", "no JPEG"])
def test_damaged_image_is_generated_again(store: ImageStore, damage: str) -> None:
    obtain(store, range(6))
    path = store.path(next(iter(requests_for(range(2, 3)))))
    sound = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes({"cut short": sound[:-100], "empty": b"", "no JPEG": b"x" * 500}[damage])
    assert obtain(store, range(6)) == Counts(1, 5, 0)
    assert path.read_bytes() == sound


@pytest.mark.parametrize("where", ["store", "DVC's cache"])
def test_an_image_of_another_version_is_chosen_where_there_is_none_of_this(
    store: ImageStore, tmp_path: Path, where: str
) -> None:
    before = replace(RECIPE, torch="2.12.0")
    requests = requests_for(range(4))
    old = {image_key(before, request): request for request in requests.values()}
    new_key, old_key = list(requests), list(old)
    first_two = dict(list(old.items())[:2])
    store.obtain(before, first_two, noise_images, BATCH_SIZE)
    obtain(store, range(1, 3))
    if where == "DVC's cache":
        store.link_images(first_two, tmp_path / "output")
        hashes = {
            f"{key}.jpg": hashlib.md5(store.path(key).read_bytes()).hexdigest() for key in first_two
        }
        listing = json.dumps(
            [
                {"md5": digest, "relpath": name}
                for name, digest in {**hashes, "index.jsonl": "0" * 32}.items()
            ]
        )
        (store.dvc_cache / "files" / "md5" / "ab").mkdir(exist_ok=True)
        (store.dvc_cache / "files" / "md5" / "ab" / ("0" * 30 + ".dir")).write_text(listing)
        for key in first_two:
            store.path(key).unlink()
    pairs = {str(number): [new_key[number], old_key[number]] for number in range(4)}
    assert store.choose_keys(pairs) == {
        "0": old_key[0],
        "1": new_key[1],
        "2": new_key[2],
        "3": new_key[3],
    }
    assert store.missing([old_key[0]]) == []


def test_failure_keeps_the_finished_images(store: ImageStore) -> None:
    def generate(batch: list[ImageRequest]) -> Iterator[Image.Image]:
        for request in batch:
            if request.seed == 6:
                raise RuntimeError("out of memory")
            yield noise_image(request)

    with pytest.raises(RuntimeError, match="out of memory"):
        store.obtain(RECIPE, requests_for(range(9)), generate, BATCH_SIZE)
    assert claimed_slots(store) == []
    assert obtain(store, range(9)) == Counts(3, 6, 0)


def test_leftovers_of_a_killed_process_do_not_disturb(store: ImageStore) -> None:
    key = next(iter(requests_for(range(1))))
    partial = store.path(key).with_suffix(".partial")
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"\xff\xd8 half")
    partial.chmod(0o444)
    assert obtain(store, range(1)) == Counts(1, 0, 0)
    assert not partial.exists()
    assert claimed_slots(store) == []


def test_opening_clears_what_killed_processes_left(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "cache")
    leftover = store.images / "ab" / "0.partial"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    with open_store(tmp_path / "cache"):
        assert not leftover.exists()
        # Now it could be in use, and a second process must leave it alone.
        leftover.touch()
        with open_store(tmp_path / "cache"):
            assert leftover.exists()


def flock_of_nfs(file: Any, operation: int) -> None:
    """As nfs4_proc_lock in Linux: a shared lock is for readers, an exclusive one for writers."""
    mode = fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE
    refused = {fcntl.LOCK_SH: os.O_WRONLY, fcntl.LOCK_EX: os.O_RDONLY}
    if refused.get(operation & ~fcntl.LOCK_NB) == mode:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def test_a_store_on_nfs_can_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", flock_of_nfs)
    with open_store(tmp_path / "cache") as store:
        assert obtain(store, range(1)) == Counts(1, 0, 0)


def own_seed(request: ImageRequest) -> int:
    """The seed of the request that an attempt is for."""
    return int(request.prompt.removeprefix("an image of "))


def test_image_that_is_never_usable_is_not_stored(store: ImageStore) -> None:
    asked: list[int] = []

    def generate(batch: list[ImageRequest]) -> list[Image.Image | None]:
        asked.extend(request.seed for request in batch if own_seed(request) == 1)
        unusable = {1: Image.new("RGB", RECIPE.size), 2: None, 8: None}
        return [unusable.get(own_seed(request), noise_image(request)) for request in batch]

    with pytest.raises(InputError) as raised:
        store.obtain(RECIPE, requests_for(range(9)), generate, BATCH_SIZE)
    assert "seed 1, prompt 'an image of 1'" in str(raised.value)
    assert "seed 2, prompt 'an image of 2'" in str(raised.value)
    # Of all batches at once, and when nothing else is left to generate: it may have taken days.
    assert "seed 8, prompt 'an image of 8'" in str(raised.value)
    assert "seed 0" not in str(raised.value)
    keys = list(requests_for(range(9)))
    assert store.missing(keys) == [keys[1], keys[2], keys[8]]
    assert claimed_slots(store) == []
    assert asked[0] == 1 and len(set(asked)) == len(asked) == ATTEMPTS


def test_generator_of_nothing_but_unusable_images_is_given_up_soon(store: ImageStore) -> None:
    asked = 0

    def generate(batch: list[ImageRequest]) -> list[None]:
        nonlocal asked
        asked += len(batch)
        return [None] * len(batch)

    with pytest.raises(InputError, match="seed 3, prompt"):
        store.obtain(RECIPE, requests_for(range(9)), generate, BATCH_SIZE)
    assert asked == ATTEMPTS * BATCH_SIZE
    assert claimed_slots(store) == []


@pytest.mark.parametrize("unusable", [None, Image.new("RGB", RECIPE.size)], ids=["NaN", "black"])
def test_unusable_image_is_generated_with_the_next_seed(
    store: ImageStore, tmp_path: Path, unusable: Image.Image | None
) -> None:
    def generate(batch: list[ImageRequest]) -> list[Image.Image | None]:
        # The second of four at its first attempt, the third at its first and second.
        fails = [(1, 0), (2, 0), (2, 1)]
        bad = {(own, attempt_seed(own, attempt)) for own, attempt in fails}
        return [
            unusable if (own_seed(request), request.seed) in bad else noise_image(request)
            for request in batch
        ]

    requests = requests_for(range(4))
    assert store.obtain(RECIPE, requests, generate, BATCH_SIZE) == Counts(4, 0, 0)
    assert [origin_of(store.path(key)).attempt for key in requests] == [0, 1, 2, 0]
    assert all(image_fault(store.path(key).read_bytes(), key) is None for key in requests)
    key, request = list(requests.items())[2]
    plain = tmp_path / "plain.jpg"
    noise_image(replace(request, seed=attempt_seed(2, 2))).save(plain, quality=RECIPE.jpeg_quality)
    with Image.open(store.path(key)) as image, Image.open(plain) as expected:
        assert image.tobytes() == expected.tobytes()
    # The key is that of the request, so that nobody generates it again; usable ones are unchanged.
    assert store.obtain(RECIPE, requests, nothing_to_generate, BATCH_SIZE) == Counts(0, 4, 0)
    with open_store(tmp_path / "another cache") as another:
        obtain(another, range(1))
        first = next(iter(requests))
        assert store.path(first).read_bytes() == another.path(first).read_bytes()


def test_failed_write_is_an_error(store: ImageStore) -> None:
    requests = requests_for(range(9))
    fourth = list(requests)[3]
    blocking = store.path(fourth).with_suffix(".partial")
    blocking.mkdir(parents=True)  # a folder where the image is to be written
    with pytest.raises(IsADirectoryError):
        store.obtain(RECIPE, requests, noise_images, BATCH_SIZE)
    assert claimed_slots(store) == []
    # The other images of the batch are there, and nothing is left of the one that failed.
    assert set(store.missing(requests)) & set(list(requests)[:BATCH_SIZE]) == {fourth}
    blocking.rmdir()
    obtain(store, range(9))
    assert store.missing(requests) == []


def test_next_batch_is_generated_while_images_are_written(
    store: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    second_batch = threading.Event()

    def generate(batch: list[ImageRequest]) -> list[Image.Image]:
        if batch[0].seed == BATCH_SIZE:
            second_batch.set()
        return noise_images(batch)

    def slow(*arguments: Any, **options: Any) -> bytes:
        assert second_batch.wait(timeout=60), (
            "nothing is generated while an image waits to be written"
        )
        return encode_image(*arguments, **options)

    monkeypatch.setattr("caption_curation.text_to_image.image_store.generation.encode_image", slow)
    requests = requests_for(range(2 * BATCH_SIZE))
    assert store.obtain(RECIPE, requests, generate, BATCH_SIZE) == Counts(len(requests), 0, 0)


def test_nearly_black_image_is_stored(store: ImageStore) -> None:
    def generate(batch: list[ImageRequest]) -> list[Image.Image]:
        return [Image.new("RGB", RECIPE.size, (0, 0, 1)) for _ in batch]

    assert store.obtain(RECIPE, requests_for(range(1)), generate, 1) == Counts(1, 0, 0)


def test_generator_must_return_every_image_at_its_size(store: ImageStore) -> None:
    requests = requests_for(range(2))
    with pytest.raises(ValueError, match="shorter"):
        store.obtain(RECIPE, requests, lambda batch: [noise_image(batch[0])], BATCH_SIZE)
    with pytest.raises(ValueError, match=r"\(5, 5\) pixels"):
        store.obtain(
            RECIPE,
            requests,
            lambda batch: [Image.new("RGB", (5, 5), "red") for _ in batch],
            BATCH_SIZE,
        )


def test_link_makes_a_folder_of_exactly_these_images(store: ImageStore, tmp_path: Path) -> None:
    obtain(store, range(6))
    keys = list(requests_for(range(2, 5)))
    store.link_images([*keys, keys[0]], tmp_path / "output")
    assert {path.name for path in (tmp_path / "output").iterdir()} == {f"{k}.jpg" for k in keys}
    for key in keys:
        assert (tmp_path / "output" / f"{key}.jpg").samefile(store.path(key))
    with pytest.raises(FileExistsError):
        store.link_images(keys, tmp_path / "output")


def test_link_copies_where_there_are_no_hard_links(
    store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_file_system(*_: object) -> NoReturn:
        raise OSError(18, "Invalid cross-device link")

    obtain(store, range(3))
    keys = list(requests_for(range(3)))
    monkeypatch.setattr(os, "link", other_file_system)
    store.link_images(keys, tmp_path / "output")
    for key in keys:
        copy = tmp_path / "output" / f"{key}.jpg"
        assert not copy.samefile(store.path(key))
        assert copy.read_bytes() == store.path(key).read_bytes()


# ------------------------------------------------------- images in DVC's cache


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC repository whose cache holds a synthesized output of seeds 0 to 5, and no store."""
    root = tmp_path_factory.mktemp("repository")
    (root / "unrelated").mkdir()
    (root / "unrelated" / "photograph.jpg").write_bytes(b"of something else")
    with open_store(root / "elsewhere") as store:
        obtain(store, range(6))
        store.link_images(requests_for(range(6)), root / "output")
    (root / "output" / "index.jsonl").write_text("{}\n")
    for arguments in (["init", "--no-scm"], ["add", "output", "unrelated"]):
        subprocess.run([sys.executable, "-m", "dvc", *arguments, "--quiet"], cwd=root, check=True)
    shutil.rmtree(root / "elsewhere")
    return root


def copy_of(committed: Path, tmp_path: Path) -> Path:
    shutil.copytree(committed, tmp_path / "clone")
    return tmp_path / "clone"


def object_of(repository: Path, key: str) -> Path:
    digest = hashlib.md5((repository / "output" / f"{key}.jpg").read_bytes()).hexdigest()
    return repository / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]


def test_cache_folder_is_the_one_of_the_repository(committed: Path) -> None:
    assert dvc_cache_folder(committed / "output") == committed / ".dvc" / "cache"


def test_cache_folder_outside_of_a_repository_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in a DVC repository"):
        dvc_cache_folder(tmp_path)


def test_linked_images_are_objects_of_dvcs_cache(tmp_path: Path) -> None:
    """So that DVC links none itself, which may empty those of another job."""
    objects = tmp_path / "cache" / "files" / "md5"
    keys = list(requests_for(range(3)))
    with open_store(tmp_path / "cache") as store:
        obtain(store, range(3))
        digests = [hashlib.md5(store.path(key).read_bytes()).hexdigest() for key in keys]
        emptied = objects / digests[0][:2] / digests[0][2:]
        emptied.parent.mkdir(parents=True)
        emptied.touch(mode=0o444)
        for folder in ("output", "another_output"):
            store.link_images(keys, tmp_path / folder)
        for key, digest in zip(keys, digests, strict=True):
            assert store.path(key).samefile(objects / digest[:2] / digest[2:])
    assert len([path for path in objects.rglob("*") if path.is_file()]) == 3


def test_images_of_dvcs_cache_are_imported(committed: Path, tmp_path: Path) -> None:
    clone = copy_of(committed, tmp_path)
    with open_store(clone / ".dvc" / "cache") as store:
        leftover = store.path(next(iter(requests_for(range(4, 5))))).with_suffix(".partial")
        leftover.parent.mkdir(parents=True)
        leftover.touch()  # of a killed process
        assert obtain(store, range(4, 8)) == Counts(2, 0, 2)
        for key in requests_for(range(4, 6)):
            assert store.path(key).samefile(object_of(clone, key))
        assert obtain(store, range(8)) == Counts(0, 4, 4)
        assert claimed_slots(store) == []


def test_absent_and_damaged_objects_are_not_imported(committed: Path, tmp_path: Path) -> None:
    clone = copy_of(committed, tmp_path)
    absent, damaged, *_ = requests_for(range(6))
    object_of(clone, absent).unlink()
    file = object_of(clone, damaged)
    content = bytearray(file.read_bytes())
    content[-20] ^= 1  # of a pixel: it is a JPEG file still
    file.chmod(0o644)
    file.write_bytes(content)
    with open_store(clone / ".dvc" / "cache") as store:
        assert obtain(store, range(6)) == Counts(2, 0, 4)


def test_image_under_a_wrong_name_is_not_imported(tmp_path: Path) -> None:
    objects = tmp_path / "cache" / "files" / "md5"
    wanted, other = requests_for(range(2))
    with open_store(tmp_path / "elsewhere") as store:
        obtain(store, range(2))
        content = store.path(other).read_bytes()
    digest = hashlib.md5(content).hexdigest()
    listing = json.dumps(
        [
            {"md5": digest, "relpath": f"{wanted}.jpg"},
            {"md5": "0" * 32, "relpath": "index.jsonl"},
        ]
    )
    for folder, name, text in (
        (objects / digest[:2], digest[2:], content),
        (objects / "ab", "0" * 30 + ".dir", listing.encode()),
        (objects / "ac", "0" * 30 + ".dir", b'[{"relpath": "index.jsonl", damaged'),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    with open_store(tmp_path / "cache") as store:
        assert obtain(store, range(2)) == Counts(2, 0, 0)


def test_what_another_process_is_obtaining_is_not_imported(committed: Path, tmp_path: Path) -> None:
    clone = copy_of(committed, tmp_path)
    held, *others = requests_for(range(6))
    with open_store(clone / ".dvc" / "cache") as store, ThreadPoolExecutor() as threads:
        claim = ImageStore(clone / ".dvc" / "cache").claims.claim(held)
        assert claim
        try:
            obtaining = threads.submit(obtain, store, range(6))
            with pytest.raises(TimeoutError):  # waits for the one that is held
                obtaining.result(timeout=1)
            assert store.missing([held, *others]) == [held]
        finally:
            claim.close()
        assert obtaining.result(timeout=60) == Counts(1, 0, 5)


def test_import_copies_where_there_are_no_hard_links(
    committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_permitted(*_: object) -> NoReturn:
        raise PermissionError(1, "Operation not permitted")

    clone = copy_of(committed, tmp_path)
    monkeypatch.setattr(os, "link", not_permitted)
    with open_store(clone / ".dvc" / "cache") as store:
        assert obtain(store, range(6)) == Counts(0, 0, 6)
        for key in requests_for(range(6)):
            assert store.path(key).stat().st_mode & 0o777 == 0o444
            assert store.path(key).read_bytes() == object_of(clone, key).read_bytes()


def test_an_image_names_the_class_that_it_was_drawn_in(store: ImageStore) -> None:
    first, second = requests_for(range(3)), requests_for(range(3, 6))

    def generate(batch: list[ImageRequest]) -> list[Image.Image]:
        images = noise_images(batch)
        for image in images:
            image.info[CLASS] = "0123456789ab"
        return images

    store.obtain(RECIPE, first, generate, BATCH_SIZE)
    store.obtain(RECIPE, second, noise_images, BATCH_SIZE)  # as it was before classes were known
    classes = [origin_of(store.path(key)).numerical_class for key in [*first, *second]]
    assert classes == ["0123456789ab"] * 3 + [UNKNOWN] * 3
    store.obtain(RECIPE, first | second, nothing_to_generate, BATCH_SIZE)

"""What the user has to download for a profile, compared with what is there; downloads nothing."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from caption_curation.captioner.bases import TOKENIZER_FILES
from caption_curation.captioner.bases.published import obtain_captioner
from caption_curation.config.corpora import KarpathySource
from caption_curation.config.corpus_forms import CorpusSource, HubSource
from caption_curation.config.experiment import Inputs
from caption_curation.config.inputs import (
    corpus_files,
    corpus_inputs,
    located_corpus,
    located_model,
)
from caption_curation.config.params import Params
from caption_curation.config.profile import BlipCheckpoint, Captioner, HubModel, LocalModel
from caption_curation.corpora.hub import NotHere, without_download
from caption_curation.corpora.listing import Listing, image_folder
from caption_curation.corpora.pictures import MISSING, image_faults, look_inside
from caption_curation.corpora.sources import list_images
from caption_curation.downloads.published import ANNOTATIONS, PublishedCorpus, published_corpus
from caption_curation.metrics.clip.published import obtain_clip
from caption_curation.model_files import file_digest
from caption_curation.pretrained import obtain_model
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.bases.published import obtain_generator
from caption_curation.text_to_image.sbert_captions import obtain_sentence_encoder

BLIP_CHECKPOINTS = "https://storage.googleapis.com/sfr-vision-language-research/BLIP/models/"
SPLITS = ("train", "val", "test")
NAMES_SHOWN = 3  # of files, for each kind of fault of a split


@dataclass(frozen=True)
class SplitCheck:
    """Numbers of images of a split.

    ``published``: in the published corpus (``None`` if it is not a published one); ``listed``: in
    the annotation file; of these, ``missing`` and ``unreadable`` image files.
    """

    split: str
    published: int | None
    listed: int
    missing: int
    unreadable: int

    @property
    def present(self) -> int:
        """Images that can be read."""
        return self.listed - self.missing - self.unreadable


@dataclass(frozen=True)
class Check:
    """What was found of one thing that a profile names.

    ``key`` is the profile's, ``found`` says what is there, ``faults`` what is not, and where to get
    it.
    """

    key: str
    found: str
    faults: list[str]
    splits: list[SplitCheck] = field(default_factory=list)


def check_profile(params: Params, *, decode: bool) -> list[Check]:
    """Check the corpora and models of a profile, as far as the user has to provide them.

    Args:
        params: the profile, and the paths of ``inputs``.
        decode: decode every image to its last pixel, as the corpus stage does; otherwise only
            their headers are read.
    """
    profile, inputs = params.profile, params.experiment.inputs
    checks = [
        check_corpus(source, inputs, section, decode=decode)
        for section in ("data", "generator_data")
        if isinstance(source := getattr(profile, section), CorpusSource)
    ]
    base = profile.captioner.base
    if isinstance(base, BlipCheckpoint):
        checks.append(check_checkpoint(base, inputs.captioner))
    tokenizer = base.tokenizer if isinstance(base, BlipCheckpoint) else None
    models = {
        "captioner.base": (base, inputs.captioner),
        "captioner.base.tokenizer": (tokenizer, inputs.tokenizer),
        "generator.base": (profile.generator.base, inputs.generator),
        "sentence_encoder": (profile.sentence_encoder, inputs.sentence_encoder),
        "clip": (profile.clip, inputs.clip),
    }
    checks += [
        check_model(located_model(source, folder), key, profile.captioner)
        for key, (source, folder) in models.items()
        if isinstance(source, LocalModel | HubModel)
    ]
    return checks


def check_corpus(source: CorpusSource, inputs: Inputs, section: str, *, decode: bool) -> Check:
    """Compare an input and its images with each other and with the published corpus."""
    faults: list[str] = []
    listing: Listing | None = None
    folder: Path | None = None
    file, images = corpus_inputs(inputs, section)
    if isinstance(source, HubSource):
        file, images = f"{source.id} on the hub", None
    annotations_from = (
        f"; available from: {ANNOTATIONS}" if isinstance(source, KarpathySource) else ""
    )
    try:
        listing = list_images(without_download(source), corpus_files(inputs, section), section)
    except NotHere as error:
        if isinstance(source, HubSource) and source.download:
            found = f"data set {source.id} on the hub, which a stage downloads when it needs it"
            return Check(section, found, [])
        faults.append(str(error))
    except InputError as error:
        faults.append(f"{error}{annotations_from}")
    corpus = None
    if isinstance(source, KarpathySource):
        corpus = published_corpus(listing.name if listing else None, source.annotations)
    images_from = f"; available from: {corpus.images_from}" if corpus else ""
    files_are_listed = listing and any(entry.inside is None for entry in listing.entries)
    if files_are_listed or (listing is None and not isinstance(source, HubSource)):
        try:
            folder = image_folder(located_corpus(source, inputs, section).images, section)
        except InputError as error:
            faults.append(f"{error}{images_from}")
    if listing:
        faults += [f"{section}: {file}: {fault}" for fault in listing.faults]
    splits = [
        _check_split(split, listing, folder, corpus, decode, section, images_from, faults)
        for split in SPLITS
    ]
    title = corpus.title if corpus else "a corpus without published sizes"
    return Check(section, f"{title} in {images or file}", faults, splits)


def _check_split(
    split: str,
    listing: Listing | None,
    folder: Path | None,
    corpus: PublishedCorpus | None,
    decode: bool,
    section: str,
    images_from: str,
    faults: list[str],
) -> SplitCheck:
    """The numbers of a split; appends its faults."""
    published = corpus.splits[split] if corpus else None
    entries = [entry for entry in (listing.entries if listing else []) if entry.split == split]
    names = [entry.image.file_name for entry in entries]
    if listing and published is not None and len(names) != published:
        faults.append(
            f"{section}: split {split}: the annotations list {len(names):,} images, the published "
            f"corpus has {published:,}; available from: {ANNOTATIONS}"
        )
    inside = {entry.image.file_name: entry.inside for entry in entries if entry.inside}
    files = [name for name in names if name not in inside]
    if folder is None and files:
        return SplitCheck(split, published, len(names), len(files), 0)
    found = image_faults(files, folder, decode=decode) if folder else {}
    if decode:  # of pictures inside of files there is no header to be read alone
        found |= look_inside(inside)[1]
    kinds = Counter("missing" if fault == MISSING else "unreadable" for fault in found.values())
    for kind, number in kinds.items():
        examples = [
            name for name, fault in found.items() if (fault == MISSING) == (kind == MISSING)
        ]
        shown = ", ".join(examples[:NAMES_SHOWN]) + (", …" if number > NAMES_SHOWN else "")
        faults.append(
            f"{section}: split {split}: {number:,} of {len(names):,} images {kind} in {folder} "
            f"({shown}){images_from}"
        )
    return SplitCheck(split, published, len(names), kinds["missing"], kinds["unreadable"])


def check_checkpoint(source: BlipCheckpoint, named: str) -> Check:
    """Whether BLIP's own checkpoint is there and has the pinned SHA-256, if one is pinned."""
    key, path = "captioner.base", Path(named)
    origin = f"available from: {BLIP_CHECKPOINTS}{source.file}"
    if not path.is_file() or path.name != source.file:
        wanted = "there is no such file" if path.name == source.file else f"not {source.file}"
        fault = f"inputs.captioner = {named!r}: {wanted} (from {Path.cwd()}); {origin}"
        return Check(key, f"BLIP's checkpoint {source.file}", [fault])
    found = f"BLIP's checkpoint {path}, {path.stat().st_size / 1e6:,.0f} MB"
    if source.sha256 is None:
        return Check(key, f"{found}; its SHA-256 is not pinned", [])
    digest = file_digest(path)
    if digest == source.sha256:
        return Check(key, f"{found}, with the pinned SHA-256", [])
    fault = f"{path}: its SHA-256 is {digest}, but {key}.sha256 = {source.sha256}; {origin}"
    return Check(key, found, [fault])


def check_model(source: Path | HubModel, key: str, captioner: Captioner) -> Check:
    """Whether a folder holds a whole model; one on the hub is downloaded by its stage.

    Args:
        source: where the model comes from.
        key: of the profile.
        captioner: the profile's settings, by which a captioner must be usable.
    """
    if isinstance(source, HubModel):
        if source.unpinned:
            return Check(key, f"{source.id} on the hub", [f"{key}: {source.unpinned}"])
        return Check(key, f"{source.id} on the hub, which a stage downloads when it needs it", [])
    try:
        match key:
            case "captioner.base":
                obtain_captioner(
                    source,
                    captioner.image_size,
                    instruction=captioner.instruction,
                    adapter=captioner.fine_tuning.adapter,
                )
            case "captioner.base.tokenizer":
                obtain_model(source, required=TOKENIZER_FILES)
            case "generator.base":
                obtain_generator(source)
            case "sentence_encoder":
                obtain_sentence_encoder(source)
            case "clip":
                obtain_clip(source)
    except InputError as error:
        return Check(key, f"model folder {source}", [f"{key}: {error}"])
    return Check(key, f"model folder {source}, complete", [])

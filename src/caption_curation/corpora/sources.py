"""The reader of every kind of corpus that a profile may name."""

from collections.abc import Collection

from caption_curation.config.corpora import KarpathySource
from caption_curation.config.corpus_forms import (
    CocoSource,
    CorpusSource,
    CsvSource,
    HubSource,
    ImageFolderSource,
    ParquetSource,
    WebDatasetSource,
)
from caption_curation.config.inputs import CorpusFiles
from caption_curation.corpora.coco import list_coco
from caption_curation.corpora.corpus import Corpus
from caption_curation.corpora.csv_tables import list_csv
from caption_curation.corpora.hub import list_hub
from caption_curation.corpora.image_folder import list_image_folder
from caption_curation.corpora.karpathy import list_karpathy
from caption_curation.corpora.listing import Listing, checked_corpus
from caption_curation.corpora.parquet import list_parquet
from caption_curation.corpora.webdataset import list_webdataset


def list_images(source: CorpusSource, files: CorpusFiles, section: str) -> Listing:
    """What an input lists, of all splits, without looking at its pictures.

    Args:
        source: the section of the profile.
        files: where the input and its images are.
        section: the section's name, for messages.

    Raises:
        InputError: the input is missing, or has another form.
    """
    match source:
        case KarpathySource():
            listing = list_karpathy(files, section)
        case CocoSource():
            listing = list_coco(source, files, section)
        case CsvSource():
            listing = list_csv(source, files)
        case ImageFolderSource():
            listing = list_image_folder(source, files)
        case WebDatasetSource():
            listing = list_webdataset(source, files)
        case ParquetSource():
            listing = list_parquet(source, files)
        case HubSource():
            listing = list_hub(source, files)
    return listing


def read_corpus(
    source: CorpusSource, files: CorpusFiles, section: str, splits: Collection[str]
) -> Corpus:
    """Read and check the given splits: every caption, and every picture by decoding it.

    Args:
        source: the section of the profile.
        files: where the input and its images are.
        section: the section's name, for messages.
        splits: of ``train``, ``val``, ``test``.

    Raises:
        InputError: the input is missing, has another form, or has faults; all of them are listed.
    """
    listing = list_images(source, files, section)
    title = f"data set {source.id}" if isinstance(source, HubSource) else str(files.annotations)
    return checked_corpus(listing, source.source, files, section, splits, title=title)

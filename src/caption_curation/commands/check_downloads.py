"""``caption-curation check-downloads``."""

from typing import Annotated

import typer

from caption_curation.commands.words import check_checkout, flag


def check_downloads(
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="The one of params.yaml by default.")
    ] = None,
    decode: Annotated[
        bool,
        flag(
            "--decode",
            help="Decode every image, as the corpus stage does (minutes for COCO); otherwise only "
            "their headers are read.",
        ),
    ] = False,
) -> None:
    """Check that nothing is missing of what you have to download for a profile.

    It compares corpora and models with their published sizes, and says what is missing and where
    it can be obtained. It downloads nothing.
    """
    check_checkout()

    from caption_curation.config.params import load_params
    from caption_curation.downloads.check import check_profile
    from caption_curation.downloads.table import describe
    from caption_curation.support.errors import InputError, list_faults

    checks = check_profile(load_params(profile=profile), decode=decode)
    for check in checks:
        print("\n".join(describe(check)))
    faults = [fault for check in checks for fault in check.faults]
    if faults:
        raise InputError(list_faults("missing or not as published", faults))
    print("Nothing is missing." if checks else "There is nothing to download.")

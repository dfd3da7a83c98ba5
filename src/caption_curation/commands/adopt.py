"""``caption-curation adopt``."""

from typing import Annotated

import typer

from caption_curation.commands.words import check_checkout, flag


def adopt(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="REV",
            help="The version whose results are adopted: a commit, a tag or a branch.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, flag("--dry-run", help="List what would be adopted, and what not; change nothing.")
    ] = False,
    undo: Annotated[bool, flag("--undo", help="Take the last adoption back.")] = False,
) -> None:
    """Keep the results of another version whose code gives the same as this commit's.

    DVC computes anew what depends on code that has changed. This command records finished runs, of
    all experiments in DVC's run cache and of dvc.lock, as this version would have recorded them:
    those whose command, outputs, data and parameters are the same. adoptable.yaml says what is
    assumed of parameters and inputs that were not read before, and of outputs that were not
    written. Nothing is overwritten in the cache.
    """
    from pathlib import Path

    if undo == (since is not None) or (undo and dry_run):
        raise typer.BadParameter("either --since REV (and --dry-run), or --undo")
    check_checkout()

    from caption_curation.adoption.apply import apply
    from caption_curation.adoption.apply import undo as take_back
    from caption_curation.adoption.plan import plan_adoption
    from caption_curation.adoption.summary import describe_plan, describe_undone
    from caption_curation.experiments.git import Git
    from caption_curation.support.dvc_cache import dvc_cache_folder

    root, cache = Path(), dvc_cache_folder()
    if since is None:
        print("\n".join(describe_undone(take_back(root, cache))))
        return
    plan = plan_adoption(root, since)
    print("\n".join(describe_plan(plan, Git(root).title(plan.since))))
    if not dry_run and (plan.runs or plan.locks or plan.experiments):
        print(
            f"written down in {apply(root, cache, plan)}; `caption-curation adopt --undo` undoes it"
        )
        if plan.locks:
            print(f"commit {', '.join(plan.locks)}, and adopt again for the experiments of then")

"""Draw the synthetic images that the training set shows from an epoch on."""

import json
import shutil
import sys

from caption_curation.dvc_cache import dvc_cache_folder
from caption_curation.image_store import image_key, open_store
from caption_curation.params import load_params
from caption_curation.samples import read_images, read_samples, write_json_lines
from caption_curation.synthesis import drawing, recipe_of, requests_of
from caption_curation.synthetic_index import INDEX
from stages import paths, run


def main(epoch_text: str) -> None:
    """Write the image of every sample that shows a synthetic one, and their index."""
    epoch = int(epoch_text)
    params = load_params()
    experiment, section = params.experiment, params.profile.generator
    samples = read_samples(paths.curated(epoch) / "samples.jsonl")
    images = read_images(paths.CORPUS / "train.jsonl")
    requests = requests_of(samples, images, experiment.prompt)
    digest = json.loads((paths.GENERATOR / "digest.json").read_text(encoding="utf-8"))
    recipe = recipe_of(experiment.synthesis, section, digest["sha256"])
    keys = {sample_id: image_key(recipe, request) for sample_id, request in requests.items()}

    folder = paths.synthetic(epoch)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    if requests:
        wanted = {keys[sample_id]: request for sample_id, request in requests.items()}
        with open_store(dvc_cache_folder()) as store:
            prompts = {request.prompt for request in wanted.values()}
            draw = drawing(paths.GENERATOR, experiment.synthesis, section.image_size, prompts)
            counts = store.obtain(recipe, wanted, draw, section.synthesis_batch_size)
            store.link_images(wanted, partial)
        print(
            f"{len(wanted)} images: {counts.generated} generated, {counts.reused} reused, "
            f"{counts.imported} from the DVC cache"
        )
    else:
        print("0 images")
    index = [
        {"sample_id": name, "key": keys[name], "prompt": request.prompt, "seed": request.seed}
        for name, request in requests.items()
    ]
    write_json_lines(partial / INDEX, index)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


if __name__ == "__main__":
    run(main, *sys.argv[1:])

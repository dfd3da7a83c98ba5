"""Draw the world that the base models are pretrained on, and the demo's for the encoders."""

from dataclasses import replace

from caption_curation.config.corpora import DemoWorldSource, PlantedNoise, SplitSizes
from caption_curation.config.pretraining import load_pretraining
from caption_curation.demo_world.style import DEFAULT, SHIFTED
from caption_curation.demo_world.world import make_world, render_images
from caption_curation.samples import write_json_lines
from caption_curation.support.outputs import atomic_folder
from stages import run
from stages.pretrain import WORLDS

NO_NOISE = PlantedNoise(wrong_caption=0.0, mismatched_image=0.0, long_caption=0.0)


def main() -> None:
    """Write both worlds' images and captions, and their scenes."""
    settings = load_pretraining().world
    with atomic_folder(WORLDS) as folder:
        for name, style, images in (
            ("shifted", SHIFTED, settings.shifted_images),
            ("demo", DEFAULT, settings.demo_images),
        ):
            source = DemoWorldSource(
                source="demo_world",
                seed=settings.seed,
                image_size=settings.image_size,
                images=SplitSizes(train=images, val=0, test=0),
                noise=NO_NOISE,
            )
            world = make_world(source, style, ["train"])
            render_images(world, style, settings.image_size, folder / name)
            corpus = world.corpus(["train"]).splits["train"]
            write_json_lines(
                folder / f"{name}.jsonl",
                (replace(image, file_name=f"{name}/images/{image.file_name}") for image in corpus),
            )
            write_json_lines(folder / f"{name}_scenes.jsonl", world.scene_records())


if __name__ == "__main__":
    run(main)

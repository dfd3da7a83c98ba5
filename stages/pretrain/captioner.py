"""Pretrain the demo's base captioner on the shifted world."""

from caption_curation.captioner.bases.scratch import build_captioner
from caption_curation.captioner.model.captioner import save_captioner
from caption_curation.captioner.training.epoch import new_optimizer, train_epoch
from caption_curation.compute.devices import prepare_device
from caption_curation.config.pretraining import load_pretraining
from caption_curation.samples import read_images, samples_of
from caption_curation.shown_images import shown_files
from stages import run
from stages.pretrain import CAPTIONER, WORLDS


def main() -> None:
    """Write data/pretrain/captioner."""
    params = load_pretraining()
    settings = params.captioner
    prepare_device()
    shifted = read_images(WORLDS / "shifted.jsonl")
    # Like a real vocabulary, this one has words of which the captioner has seen no image.
    known = [*shifted, *read_images(WORLDS / "demo.jsonl")]
    captioner = build_captioner(
        settings.base,
        [caption for image in known for caption in image.captions],
        settings.training.prompt,
        params.world.image_size,
    )
    samples = samples_of(shifted, WORLDS)
    files = shown_files(samples)
    optimizer = new_optimizer(captioner, settings.fine_tuning.weight_decay)
    for epoch in range(1, settings.training.epochs + 1):
        loss = train_epoch(
            captioner,
            optimizer,
            samples,
            files,
            epoch=epoch,
            seed=settings.seed,
            training=settings.training,
            fine_tuning=settings.fine_tuning,
        )
        print(f"epoch {epoch}: mean training loss {loss:.3f} nats a token")
    save_captioner(captioner, CAPTIONER)


if __name__ == "__main__":
    run(main, check_versions=True)

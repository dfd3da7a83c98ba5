"""The stages that several processes share, one after the other in processes launched once.

``accelerate launch … -m tests.compute.launched_stages`` in a prepared folder, as starting costs
more than these tiny stages do. The generator's fine-tuning is stopped after its checkpoint and
started again.
"""

from unittest import mock

from torch import distributed

from caption_curation.compute.process_group import init_process_group
from caption_curation.text_to_image.fine_tuning import recipe
from caption_curation.text_to_image.fine_tuning import training as generator_training
from stages import (
    caption,
    finetune_generator,
    generator_latents,
    score,
    synthesize,
    train_captioner,
)

STOPPED_AT = 2


def main() -> None:
    """Run them in the current folder."""
    init_process_group()
    synthesize.main(0)
    _wait_for_all()
    train_captioner.main(1)
    _wait_for_all()
    score.main(1)
    caption.main("validation", 1)
    generator_latents.main()
    _wait_for_all()
    rate = recipe.learning_rate

    def stop(step: int, *settings: object) -> float:
        if step == STOPPED_AT:
            raise KeyboardInterrupt
        return rate(step, *settings)  # type: ignore[arg-type]

    with mock.patch.object(generator_training, "learning_rate", stop):
        try:
            finetune_generator.main()
        except KeyboardInterrupt:
            _wait_for_all()
    finetune_generator.main()


def _wait_for_all() -> None:
    """What the main process writes is read next; DVC starts a stage when the one before is done."""
    if distributed.is_initialized():
        distributed.barrier()


if __name__ == "__main__":
    main()

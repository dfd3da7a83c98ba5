"""The families of captioners, and of which one a model is.

``config.json`` names the type of a model, and the table here says which family's module knows it:
types of their own first, and whatever else transformers' ``AutoModelForImageTextToText`` loads.
"""

from caption_curation.support.families import Families

# Families that know one type of model, by the type. All others are the library's to know.
OF_ONE_TYPE = {"blip": "blip", "vision-encoder-decoder": "vision_encoder_decoder"}
OF_MANY_TYPES = "image_text_to_text"


def family_of(model_type: str) -> str:
    """The name of the family's module for a type of model; that of no module for an unknown one."""
    if model_type in OF_ONE_TYPE:
        return OF_ONE_TYPE[model_type]
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KNOWN_TYPES,
    )

    return OF_MANY_TYPES if model_type in KNOWN_TYPES else ""


CAPTIONERS = Families("caption_curation.captioner.families", "config.json", "model_type", family_of)

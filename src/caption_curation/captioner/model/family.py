"""The families of captioners, and of which one a model is.

``config.json`` names the type of a model. A family of that type has a module of its name; whatever
else transformers' ``AutoModelForImageTextToText`` loads is of one family.
"""

from caption_curation.support.families import Families

OF_MANY_TYPES = "image_text_to_text"


def family_of(model_type: str) -> str:
    """The name of the family's module for a type of model; that of no module for an unknown one."""
    own = model_type.replace("-", "_")
    if own in CAPTIONERS.known():
        return own
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KNOWN_TYPES,
    )

    return OF_MANY_TYPES if model_type in KNOWN_TYPES else ""


CAPTIONERS = Families("caption_curation.captioner.families", "config.json", "model_type", family_of)

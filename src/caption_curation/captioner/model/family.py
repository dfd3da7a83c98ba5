"""The families of captioners."""

from caption_curation.support.families import Families

CAPTIONERS = Families("caption_curation.captioner.families", "config.json", "model_type", str)

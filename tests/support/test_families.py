"""A model's file names its family, and the family's module is known by that name."""

import json
from pathlib import Path
from typing import Any

import pytest

from caption_curation.captioner.model.family import CAPTIONERS
from caption_curation.support.errors import InputError
from caption_curation.support.families import Families
from caption_curation.text_to_image.family import GENERATORS

BOTH = pytest.mark.parametrize(
    ("families", "written", "module", "function"),
    [
        (CAPTIONERS, {"model_type": "blip"}, "blip", "load_captioner"),
        (GENERATORS, {"_class_name": "StableDiffusionPipeline"}, "stable_diffusion", "generate"),
    ],
    ids=["captioner", "generator"],
)


@BOTH
def test_the_named_family_is_found(
    families: Families, written: Any, module: str, function: str, tmp_path: Path
) -> None:
    (tmp_path / families.file).write_text(json.dumps({"other": 1, **written}))
    assert families.name(tmp_path) == module
    assert callable(getattr(families.load(module), function))


@BOTH
@pytest.mark.parametrize("name", [None, 7, "another", "__init__", "../blip", ["blip"]])
def test_another_family_is_refused_with_those_that_there_are(
    families: Families, written: Any, module: str, function: str, tmp_path: Path, name: Any
) -> None:
    (tmp_path / families.file).write_text(json.dumps({families.key: name}))
    with pytest.raises(InputError) as caught:
        families.name(tmp_path)
    assert str(tmp_path / families.file) in str(caught.value)
    assert f"{families.key} = {json.dumps(name)}: " in str(caught.value)
    allowed = str(caught.value).partition("allowed are models of the families ")[2]
    assert module in allowed.split(", ")


@BOTH
@pytest.mark.parametrize("content", [None, "", "{", "[]", "null"])
def test_a_file_that_names_none_is_refused(
    families: Families, written: Any, module: str, function: str, tmp_path: Path, content: str
) -> None:
    if content is not None:
        (tmp_path / families.file).write_text(content)
    with pytest.raises(InputError, match=families.file):
        families.name(tmp_path)

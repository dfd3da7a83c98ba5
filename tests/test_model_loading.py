"""A model is loaded whole or refused by name: where a user's file is read, and before each use."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPImageProcessorPil

from caption_curation import model_loading
from caption_curation.captioner.bases.published import write_published
from caption_curation.captioner.model.captioner import load_captioner
from caption_curation.metrics.clip.model import load_clip
from caption_curation.metrics.clip.published import obtain_clip
from caption_curation.model_files import file_digest
from caption_curation.pretrained import DEMO_DIGESTS, is_demo_model
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.bases import OPTIONAL_FILES, REQUIRED_FILES
from caption_curation.text_to_image.bases.published import copy_published
from caption_curation.text_to_image.families.stable_diffusion import load_generator
from caption_curation.text_to_image.fine_tuning.training import _load
from caption_curation.text_to_image.sbert_captions import encode, obtain_sentence_encoder
from caption_curation.text_to_image.synthesis.overflow import load_token_limit
from tests.conftest import REPOSITORY

PARTS = (*REQUIRED_FILES, *OPTIONAL_FILES)
MODELS = REPOSITORY / "data" / "demo_models"
CPU = torch.device("cpu")
WEIGHTS = "diffusion_pytorch_model.safetensors"
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Reader:
    """A kind of model: where the user's is read, and how it is loaded later."""

    model: str
    weights: str
    obtain: Callable[[Path, Path], Any]  # of the user's folder, and a folder to write
    load: Callable[[Path], Any]

    def __str__(self) -> str:
        return f"{self.model}/{self.weights}"


def of_generator(part: str) -> Reader:
    return Reader(
        "generator",
        part,
        copy_published,
        lambda folder: load_generator(folder, sampler="ddim"),
    )


READERS = [
    Reader(
        "captioner",
        "model.safetensors",
        lambda folder, target: write_published(folder, 32, target),
        lambda folder: load_captioner(folder, 32, CPU),
    ),
    Reader(
        "clip",
        "model.safetensors",
        lambda folder, _: obtain_clip(folder),
        lambda folder: load_clip(folder, CPU),
    ),
    Reader(
        "sentence_encoder",
        "model.safetensors",
        lambda folder, _: obtain_sentence_encoder(folder),
        lambda folder: encode(["a red ring"], folder),
    ),
    of_generator(f"unet/{WEIGHTS}"),
    of_generator(f"vae/{WEIGHTS}"),
    of_generator("text_encoder/model.safetensors"),
]
EVERY_MODEL = pytest.mark.parametrize("reader", READERS, ids=str)


@pytest.fixture
def copy(reader: Reader, tmp_path: Path) -> Path:
    """A user's copy of one of the demo's models."""
    return Path(shutil.copytree(MODELS / reader.model, tmp_path / "model"))


def edit(file: Path, change: Callable[[Tensors, str], None]) -> str:
    """Change tensors of a file; returns the name of the one that is given to ``change``."""
    tensors = load_file(file)
    name = next(name for name in sorted(tensors) if tensors[name].ndim > 1)
    change(tensors, name)
    save_file(tensors, file, metadata={"format": "pt"})
    return name.removeprefix("text_model.")  # as the text encoder calls its own


def refusal(reader: Reader, folder: Path, target: Path) -> str:
    """The message with which a user's model is refused; nothing is written."""
    with pytest.raises(InputError) as caught:
        reader.obtain(folder, target)
    assert not target.exists()
    return str(caught.value)


# ------------------------------------------------------------------ tensors


@EVERY_MODEL
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors, name: tensors.pop(name), "{} is missing"),
        (lambda tensors, name: tensors.update(more=torch.ones(2)), "more is not expected"),
        (lambda tensors, name: tensors.update({name: torch.ones(3, 5)}), "{} has the shape (3, 5)"),
    ],
    ids=["missing", "unexpected", "mismatched"],
)
def test_other_tensors_than_the_models_are_named(
    reader: Reader, copy: Path, tmp_path: Path, change: Callable[[Tensors, str], None], said: str
) -> None:
    file = copy / reader.weights
    name = edit(file, change)
    message = refusal(reader, copy, tmp_path / "target")
    assert message.startswith(f"{file}: ")
    assert said.format(name) in message
    assert "obtain or convert the model again" in message
    with pytest.raises(InputError) as caught:
        reader.load(copy)
    assert str(caught.value) == message


@EVERY_MODEL
def test_all_faults_are_counted_and_the_first_are_named(
    reader: Reader, copy: Path, tmp_path: Path
) -> None:
    names = sorted(load_file(copy / reader.weights))
    save_file({"alone": torch.ones(1)}, copy / reader.weights)
    message = refusal(reader, copy, tmp_path / "target")
    tied = 2 if reader.model == "captioner" else 0  # tensors of the decoder, stored once
    assert f"({len(names) + tied + 1}):" in message
    assert f"{names[0].removeprefix('text_model.')} is missing" in message
    assert len(message.splitlines()) < 30


@EVERY_MODEL
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_weights_that_are_not_finite_are_named(
    reader: Reader, copy: Path, tmp_path: Path, value: str
) -> None:
    def spoil(tensors: Tensors, name: str) -> None:
        tensors[name].view(-1)[:2] = float(value)

    name = edit(copy / reader.weights, spoil)
    message = refusal(reader, copy, tmp_path / "target")
    assert "NaN or infinite (1)" in message
    assert f"{name}: 2 of " in message


@EVERY_MODEL
def test_what_is_read_is_what_the_file_holds(reader: Reader) -> None:
    tensors = load_file(MODELS / reader.model / reader.weights)
    loaded = reader.load(MODELS / reader.model)
    if reader.model == "sentence_encoder":
        return  # its vectors are compared elsewhere
    network = loaded.model if reader.model != "generator" else None
    network = network or getattr(loaded, reader.weights.partition("/")[0])
    state = {
        name.removeprefix("text_model."): value for name, value in network.state_dict().items()
    }
    for name, tensor in tensors.items():
        assert torch.equal(state[name.removeprefix("text_model.")], tensor.to(torch.float32)), name
    assert not network.training


def test_positions_that_older_files_hold_and_a_tied_tensor_that_is_there_once_are_no_faults(
    tmp_path: Path,
) -> None:
    folder = Path(shutil.copytree(MODELS / "captioner", tmp_path / "model"))
    embeddings, output = (
        "text_decoder.bert.embeddings.word_embeddings.weight",
        "text_decoder.cls.predictions.decoder.weight",
    )
    tensors = load_file(folder / "model.safetensors")
    assert (embeddings in tensors, output in tensors) == (True, False)
    tensors["text_decoder.bert.embeddings.position_ids"] = torch.arange(64)[None]
    save_file(tensors, folder / "model.safetensors")
    state = load_captioner(folder, 32, CPU).model.state_dict()
    assert torch.equal(state[output], tensors[embeddings].float())


def test_a_sentence_encoder_of_the_projects_own_is_loaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's is loaded once more, to see that it is whole."""
    loaded = []
    once = model_loading.load_model

    def count(*arguments: Any, **named: Any) -> Any:
        loaded.append(arguments)
        return once(*arguments, **named)

    monkeypatch.setattr(model_loading, "load_model", count)
    own = encode(["a red ring"], MODELS / "sentence_encoder")
    assert not loaded
    folder = Path(shutil.copytree(MODELS / "sentence_encoder", tmp_path / "model"))
    (folder / "README.txt").write_text("a model of mine")
    users = encode(["a red ring"], folder)
    assert len(loaded) == 1
    assert (own == users).all()


# ------------------------------------------------------------------ files


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def pickled(file: Path) -> None:
    torch.save({"weight": torch.ones(2)}, file)


@EVERY_MODEL
@pytest.mark.parametrize(
    "damage",
    [
        cut,
        pickled,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_text("<!doctype html>"),
        lambda file: file.write_text("version https://git-lfs.github.com/spec/v1\n"),
    ],
    ids=["cut", "pickle", "empty", "page", "pointer"],
)
def test_files_without_weights_are_named(
    reader: Reader, copy: Path, tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    damage(copy / reader.weights)
    message = refusal(reader, copy, tmp_path / "target")
    assert message.startswith(f"{copy / reader.weights}: it was cut short, or is no safetensors")
    with pytest.raises(InputError):
        reader.load(copy)


@EVERY_MODEL
@pytest.mark.parametrize("content", ["{", '{"model_type": "bert"}', "null"])
def test_a_configuration_that_is_not_the_models_is_refused(
    reader: Reader, copy: Path, tmp_path: Path, content: str
) -> None:
    (copy / reader.weights).with_name("config.json").write_text(content)
    assert str((copy / reader.weights).parent) in refusal(reader, copy, tmp_path / "target")


@pytest.mark.parametrize("content", ["", "{}"])
@pytest.mark.parametrize("reader", [*READERS[:3]], ids=str)
def test_a_tokenizer_that_is_damaged_is_refused(
    reader: Reader, copy: Path, tmp_path: Path, content: str
) -> None:
    (copy / "tokenizer.json").write_text(content)
    assert str(copy) in refusal(reader, copy, tmp_path / "target")


def test_a_captioner_for_another_image_size_is_refused_where_it_is_read(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(MODELS / "captioner", tmp_path / "model"))
    with pytest.raises(InputError, match=r"captioner.image_size = 64: .* takes images of 32"):
        write_published(folder, 64, tmp_path / "target")


# ------------------------------------------------------------------ the parts of a generator


@pytest.fixture
def generator(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS / "generator", tmp_path / "model"))


def set_index(folder: Path, **changes: Any) -> None:
    file = folder / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


CHECKER = {
    "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    "feature_extractor": ["transformers", "CLIPImageProcessorPil"],
    "requires_safety_checker": True,
}


def add_safety_checker(folder: Path) -> None:
    size = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 1}
    size |= {"num_hidden_layers": 1, "projection_dim": 4}
    config = CLIPConfig(
        vision_config={**size, "image_size": 8, "patch_size": 4},
        text_config={**size, "vocab_size": 10},
        projection_dim=4,
    )
    StableDiffusionSafetyChecker(config).save_pretrained(folder / "safety_checker")
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}
    )
    processor.save_pretrained(folder / "feature_extractor")
    set_index(folder, **CHECKER)


def test_a_safety_checker_that_is_named_must_be_there(generator: Path, tmp_path: Path) -> None:
    set_index(generator, **CHECKER)
    with pytest.raises(InputError) as caught:
        copy_published(generator, tmp_path / "target")
    for part in (
        "model_index.json names components",
        '"NAME": [null, null] leaves one out',
        "safety_checker/config.json is missing",
        "safety_checker/model.safetensors is missing",
        "feature_extractor/preprocessor_config.json is missing",
    ):
        assert part in str(caught.value)
    without = {"safety_checker": [None, None], "feature_extractor": [None, None]}
    set_index(generator, **without, requires_safety_checker=False)
    copy_published(generator, tmp_path / "target")
    assert load_generator(tmp_path / "target", sampler="ddim").safety_checker is None


def test_a_safety_checker_is_copied_loaded_for_drawing_and_left_out_of_training(
    generator: Path, tmp_path: Path
) -> None:
    add_safety_checker(generator)
    copy_published(generator, tmp_path / "target")
    drawing = load_generator(tmp_path / "target", sampler="ddim")
    stored = load_file(generator / "safety_checker" / "model.safetensors")
    assert torch.equal(drawing.safety_checker.concept_embeds, stored["concept_embeds"])
    shutil.rmtree(tmp_path / "target" / "safety_checker")
    _load(tmp_path / "target", CPU)

    stored["concept_embeds"][0, 0] = float("nan")
    save_file(stored, generator / "safety_checker" / "model.safetensors")
    with pytest.raises(InputError, match=r"safety_checker: weights that are NaN(.|\n)*concept_emb"):
        copy_published(generator, tmp_path / "target")
    del stored["concept_embeds"]
    save_file(stored, generator / "safety_checker" / "model.safetensors")
    with pytest.raises(InputError, match=r"safety_checker.*(.|\n)*concept_embeds is missing"):
        copy_published(generator, tmp_path / "target")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image_encoder": ["transformers", "CLIPVisionModel"]}, '"image_encoder": [null, null]'),
        ({"unet": ["os", "system"]}, r'unet = ["os", "system"]'),
        ({"unet": ["diffusers", "NoSuchModel"]}, "diffusers has no class NoSuchModel"),
        ({"vae": ["diffusers"]}, 'vae = ["diffusers"]'),
        ({"vae": [["diffusers"], {}]}, "vae = "),
        ({"_class_name": "KandinskyPipeline"}, '_class_name = "KandinskyPipeline": allowed'),
        ({"scheduler": ["diffusers", "AutoencoderKL"]}, "scheduler"),
        ({"unet": ["diffusers", "AutoencoderKL"]}, "unet: cannot be loaded as AutoencoderKL"),
    ],
)
def test_components_that_are_not_a_stable_diffusions_are_refused(
    generator: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    set_index(generator, **changes)
    with pytest.raises(InputError) as caught:
        copy_published(generator, tmp_path / "target")
    assert said in str(caught.value)


@pytest.mark.parametrize("content", ["{", "[]", "", "null"])
def test_a_damaged_index_is_named(generator: Path, tmp_path: Path, content: str) -> None:
    (generator / "model_index.json").write_text(content)
    with pytest.raises(InputError, match=r"model_index.json: "):
        copy_published(generator, tmp_path / "target")


def test_what_only_the_last_stage_reads_is_looked_at_first(generator: Path, tmp_path: Path) -> None:
    tokenizer = generator / "tokenizer" / "tokenizer_config.json"
    whole = tokenizer.read_text()
    tokenizer.write_text(json.dumps(json.loads(whole) | {"model_max_length": None}))
    with pytest.raises(InputError, match=r"model_max_length = None; needed"):
        copy_published(generator, tmp_path / "target")
    tokenizer.write_text(whole)
    schedule = generator / "scheduler" / "scheduler_config.json"
    schedule.write_text(
        json.dumps(json.loads(schedule.read_text()) | {"prediction_type": "sample"})
    )
    with pytest.raises(InputError, match=r"scheduler: prediction_type 'sample'; allowed: epsilon"):
        copy_published(generator, tmp_path / "target")
    schedule.write_text("{")
    with pytest.raises(InputError, match="cannot be loaded as StableDiffusionPipeline"):
        copy_published(generator, tmp_path / "target")


@pytest.mark.parametrize("content", ["", "{}", "<html>"])
def test_a_damaged_tokenizer_is_named_where_prompts_are_measured(
    generator: Path, content: str
) -> None:
    (generator / "tokenizer" / "tokenizer.json").write_text(content)
    with pytest.raises(InputError, match=r"model/tokenizer: cannot be loaded as Tokenizer"):
        load_token_limit(generator)


# ------------------------------------------------------------------ the demo's own models


def test_the_demos_models_are_known_to_the_byte(tmp_path: Path) -> None:
    known = json.loads((REPOSITORY / DEMO_DIGESTS).read_text())
    assert known == {
        folder.name: {
            file.relative_to(folder).as_posix(): file_digest(file)
            for file in folder.rglob("*")
            if file.is_file()
        }
        for folder in MODELS.iterdir()
        if folder.is_dir()
    }


def test_a_demo_model_with_a_change_is_none(
    generator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert is_demo_model(generator, PARTS)
    schedule = generator / "scheduler" / "scheduler_config.json"
    whole = schedule.read_text()
    schedule.write_text(whole + "\n")
    assert not is_demo_model(generator, PARTS)
    schedule.write_text(whole)
    assert is_demo_model(generator, PARTS)
    (generator / "more.json").write_text("{}")
    assert not is_demo_model(generator, PARTS)


def test_the_demos_models_are_obtained_without_the_libraries(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    shutil.copytree(REPOSITORY / "profiles", tmp_path / "profiles")
    shutil.copytree(MODELS, tmp_path / "data" / "demo_models")
    code = (
        "import sys; from stages import base_captioner, base_generator, clip_model\n"
        "for stage in (base_captioner, base_generator, clip_model): stage.main()\n"
        "assert not {'torch', 'transformers', 'diffusers'} & set(sys.modules)"
    )
    sources = os.pathsep.join(str(REPOSITORY / folder) for folder in ("src", "."))
    environment = os.environ | {"PYTHONPATH": sources}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env=environment)
    for copied, name in (
        ("base_generator", "generator"),
        ("epochs/0/captioner", "captioner"),
        ("clip/model", "clip"),
    ):
        for file in (path for path in (MODELS / name).rglob("*") if path.is_file()):
            copy = tmp_path / "data" / copied / file.relative_to(MODELS / name)
            assert copy.read_bytes() == file.read_bytes()


# ------------------------------------------------------------------ one way only


def test_models_are_loaded_in_one_module_alone() -> None:
    """A call elsewhere would not say what is missing, or would read files that can run code."""
    forbidden = {"from_pretrained", "SentenceTransformer", "load_checkpoint_and_dispatch"}
    forbidden |= {
        "snapshot_download",
        "hf_hub_download",
        "from_single_file",
        "safe_open",
        "from_file",
    }
    allowed = {
        "src/caption_curation/model_loading.py": {
            "from_file",
            "from_pretrained",
            "SentenceTransformer",
            "safe_open",
        },
        "src/caption_curation/corpora/hub.py": {"snapshot_download"},  # of data sets
        "src/caption_curation/optimisation/checkpoints.py": {"safe_open"},  # those it wrote
        "src/caption_curation/pretrained.py": {"snapshot_download"},
        # Files that fine-tuning a generator has written.
        "src/caption_curation/text_to_image/adapters.py": {"safe_open"},
        "src/caption_curation/text_to_image/fine_tuning/latent_files.py": {"safe_open"},
    }
    found: dict[str, set[str]] = {}
    for root in ("src", "stages"):
        for file in sorted((REPOSITORY / root).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    if name in forbidden:
                        path = file.relative_to(REPOSITORY).as_posix()
                        found.setdefault(path, set()).add(name)
    assert found.pop("src/caption_curation/demo_models/sentence_encoder.py", set()) <= {
        "SentenceTransformer"  # made from a network, not from files
    }
    assert found == allowed

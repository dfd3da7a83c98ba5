"""Results name the arithmetic that they were computed in, and portable arithmetic is that."""

import json
import platform
from pathlib import Path

import pytest
import torch

from caption_curation import paths
from caption_curation.compute.arithmetic import begin_computation
from caption_curation.compute.devices import prepare_device
from caption_curation.numerical_classes import (
    MACHINES,
    class_file,
    read_classes,
    write_classes,
)
from caption_curation.support.arithmetic import SWITCHES, set_switches, unportable_processor
from caption_curation.support.errors import InputError
from stages import score, train_captioner
from tests.compute import another_process
from tests.compute.killed_stages import (
    EVERY,
    TOGETHER,
    last_checkpoint,
    log,
    prepare,
    resumed_at,
    run,
    run_here,
    run_until,
    started,
)
from tests.conftest import REPOSITORY
from tests.pipeline.clone import change

X86 = pytest.mark.skipif(
    unportable_processor() is not None, reason="portable arithmetic is that of x86-64 with AVX2"
)
PRINT = """
import json
from caption_curation.compute.arithmetic import enter_arithmetic, switches_in_effect
from caption_curation.compute.devices import prepare_device
from caption_curation.compute.numerical_class import numerical_class
from caption_curation.support.versions import installed_versions
device, effects = prepare_device(), switches_in_effect()
enter_arithmetic(device, "portable" if all(effects.values()) else "native")
print(json.dumps([numerical_class(device, installed_versions()), effects]))
"""


def in_another_process(**environment: str) -> tuple[str, dict[str, bool]]:
    """The numerical class there, and which switches have an effect."""
    name, effects = another_process.printed(PRINT, **environment)
    return name, effects


def classes_of(folder: Path, result: Path) -> list[str]:
    return read_classes(folder / class_file(result))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """In which epoch 1 can be trained and scored."""
    return prepare(tmp_path / "project", train=4)


# ------------------------------------------------------------------------------ class files


def test_results_name_the_class_of_the_machine_and_a_log_names_the_machine(project: Path) -> None:
    native, _ = in_another_process()
    for _ in range(2):  # the second time, the machine is known
        run_here(project, train_captioner.main, 1)
    run_here(project, score.main, 1)
    assert classes_of(project, paths.captioner(1)) == [native]
    assert classes_of(project, paths.losses(1)) == [native]
    [line] = (project / ".dvc/cache" / MACHINES).read_text().splitlines()
    machine = json.loads(line)
    assert machine["class"] == native
    assert machine["host"] == platform.node()


def test_a_stage_says_when_it_goes_on_from_another_class(project: Path) -> None:
    first = run_here(project, train_captioner.main, 1)
    assert "numerical class" not in first
    write_classes(project / paths.captioner(1), ["0123456789ab"])
    printed = run_here(project, score.main, 1)
    assert f"{paths.captioner(1)} was computed in numerical class 0123456789ab" in printed


def test_unfinished_work_of_another_class_is_not_gone_on_from(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "project", train=40)
    training = "train_captioner 1"
    run_until(folder, training, lambda: last_checkpoint(log(folder)) >= EVERY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATEN_CPU_CAPABILITY", "default")
        assert resumed_at(run(folder, training)) == 0
    assert resumed_at(run(folder, training)) >= EVERY


def test_processes_of_two_classes_are_refused(project: Path, tmp_path: Path) -> None:
    # As if the second process ran on another make: its libraries take another path.
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nif os.environ.get('RANK') == '1':\n"
        "    os.environ['ATEN_CPU_CAPABILITY'] = 'default'\n"
    )
    with started(project, "train_captioner 1", launcher=TOGETHER, modules=tmp_path) as process:
        process.wait(120)
    assert process.returncode != 0
    printed = log(project)
    assert "error: the stage's processes are of different numerical classes" in printed
    assert "process 1: " in printed and "process 2: " in printed
    assert not (project / paths.captioner(1)).exists()


# ---------------------------------------------------------------------------------- portable


@X86
def test_portable_arithmetic_takes_effect_in_a_stage(project: Path) -> None:
    native, effects = in_another_process()
    assert not effects["MKL_CBWR"]
    portable, effects = in_another_process(**SWITCHES)
    assert all(effects.values())
    assert portable != native

    change(project / "params.yaml", {"compute.arithmetic": "portable"})
    run(project, "train_captioner 1")
    assert classes_of(project, paths.captioner(1)) == [portable]


@X86
def test_portable_arithmetic_without_its_switches_is_refused(project: Path) -> None:
    change(project / "params.yaml", {"compute.arithmetic": "portable"})
    with pytest.raises(InputError, match="MKL_CBWR had no effect"):
        run_here(project, train_captioner.main, 1)
    assert not (project / paths.captioner(1)).exists()


@X86
def test_each_switch_that_is_missing_is_found() -> None:
    for switch in ("MKL_CBWR", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"):
        others = {name: value for name, value in SWITCHES.items() if name != switch}
        _, effects = in_another_process(**others)
        # A processor with no more than AVX2 needs but the one.
        missing = {name for name, has_effect in effects.items() if not has_effect}
        assert missing <= {switch}
        if switch == "MKL_CBWR" or torch.backends.cpu.get_cpu_capability() == "AVX512":
            assert missing == {switch}


def test_portable_arithmetic_is_refused_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    with pytest.raises(InputError, match=r"the precision is bfloat16"):
        begin_computation(prepare_device(), "portable")


def test_portable_arithmetic_is_refused_on_a_gpu() -> None:
    with pytest.raises(InputError, match=r"models run on cuda.*ACCELERATE_USE_CPU=true"):
        begin_computation(torch.device("cuda"), "portable")


def test_a_processor_without_portable_arithmetic_is_named() -> None:
    assert unportable_processor("x86_64", "flags\t\t: fpu sse2 avx avx2 fma") is None
    assert "no AVX2" in str(unportable_processor("x86_64", "flags\t\t: fpu sse2 avx fma"))
    assert "aarch64" in str(unportable_processor("aarch64", "Features\t: fp asimd"))


def test_the_first_stage_refuses_such_a_processor(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(project / "params.yaml", {"compute.arithmetic": "portable"})
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    from stages import parameters

    (project / "data/demo_models").symlink_to(REPOSITORY / "data/demo_models")
    (project / "defaults").symlink_to(REPOSITORY / "defaults")
    with pytest.raises(InputError, match=r"compute.arithmetic = 'portable': .*aarch64.*native"):
        run_here(project, parameters.main)


@pytest.mark.parametrize(
    "content", ["", "compute: [", "compute: portable", "compute: {arithmetic: fast}", "\xff"]
)
def test_other_parameters_set_no_switches(tmp_path: Path, content: str) -> None:
    file, environment = tmp_path / "params.yaml", dict[str, str]()
    set_switches(file, environment)
    file.write_bytes(content.encode("latin-1"))
    set_switches(file, environment)
    assert environment == {}
    file.write_text("compute: {arithmetic: portable}")
    set_switches(file, environment)
    assert environment == SWITCHES

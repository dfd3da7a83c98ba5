"""Results of another version, adopted: in small DVC repositories, by the command."""

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_curation.adoption.rules import ADOPTABLE, parse_adoptable
from caption_curation.commands.main import INTERRUPTED
from caption_curation.experiments.finished import Repository
from caption_curation.numerical_classes import UNKNOWN, class_file, write_classes
from tests.adoption.project import CODE, EPOCHS, PIPELINE, Project, ran
from tests.commands.console import console, fail, succeed
from tests.pipeline.clone import REPOSITORY

FAMILY = """\
import yaml
from pathlib import Path
profile = yaml.safe_load(Path("params.yaml").read_text())["profile"]
family = yaml.safe_load(Path(f"profiles/{profile}.yaml").read_text())["family"]
Path("data/digests").mkdir()
Path("data/digests/family.txt").write_text(Path(f"families/{family}.py").read_text())
"""
UP_TO_DATE = "Data and pipelines are up to date."


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.make(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def project(finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the finished project, which is the current folder."""
    folder = tmp_path / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return Project(folder)


def cached(project: Project) -> dict[str, bytes]:
    """DVC's cache, but for what adoptions write down."""
    cache = project.folder / ".dvc" / "cache"
    files = [path for path in cache.rglob("*") if path.is_file()]
    return {
        path.relative_to(cache).as_posix(): path.read_bytes()
        for path in files
        if "adoptions" not in path.parts
    }


def references(project: Project) -> set[str]:
    return set(project.command("git", "for-each-ref", "refs/exps").splitlines())


def pipeline(**changes: Any) -> dict[str, Any]:
    """The pipeline with other keys of its stage ``corpus``."""
    changed = deepcopy(PIPELINE)
    changed["stages"]["corpus"] |= changes
    return changed


def epochs(**changes: Any) -> dict[str, Any]:
    changed = deepcopy(EPOCHS)
    changed["stages"]["train"]["do"] |= changes
    return changed


def test_a_remark_in_a_module(project: Project) -> None:
    before = cached(project)
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("remark")
    assert "src/code.py" in project.status()

    listed = succeed("adopt", "--since", "HEAD~1", "--dry-run")
    assert "5 results to adopt: corpus, train (4)\n" in sorted_stages(listed)
    assert "experiment fast to record for this commit" in listed
    assert cached(project) == before and "src/code.py" in project.status()

    said = succeed("adopt", "--since", "HEAD~1")
    assert said.startswith(listed)
    assert project.status() == UP_TO_DATE
    assert project.repro("--dry") == project.repro() == []
    after = cached(project)
    assert before.items() <= after.items()
    assert all(name.startswith("runs/") for name in after.keys() - before.keys())
    assert project.read("reports/report.txt") == "28 and 0"
    assert ran(project.dvc("exp", "run", "--set-param", "training.rate=3.0")) == []
    assert project.read("reports/report.txt") == "63 and 0"


def sorted_stages(said: str) -> str:
    """What was said, with the stages of a line in the order of the alphabet."""
    lines = []
    for line in said.splitlines():
        head, colon, stages = line.partition(": ")
        lines.append(head + colon + ", ".join(sorted(stages.split(", "))))
    return "\n".join(lines) + "\n"


def test_the_run_cache_alone_restores_what_was_adopted(project: Project) -> None:
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("remark")
    succeed("adopt", "--since", "HEAD~1")
    for lock in ("dvc.lock", "stages/epochs/dvc.lock"):
        (project.folder / lock).unlink()
    shutil.rmtree(project.folder / "data" / "corpus")
    shutil.rmtree(project.folder / "data" / "epochs")
    assert project.repro() == []
    assert project.read("reports/report.txt") == "28 and 0"


def test_the_locks_alone_are_enough(project: Project) -> None:
    shutil.rmtree(project.folder / ".dvc" / "cache" / "runs")
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("remark")
    succeed("adopt", "--since", "HEAD~1")
    assert project.status() == UP_TO_DATE
    assert ran(project.dvc("exp", "run", "--set-param", "training.rate=3.0")) == []


def test_an_adopted_experiment_is_one_of_this_commit(project: Project) -> None:
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.set("params.yaml", **{"seed": 5})
    project.set_rules()
    project.commit("remark")
    before = references(project)
    succeed("adopt", "--since", "HEAD~1")
    assert before < references(project)
    repository = Repository(project.folder, project.folder / ".dvc" / "cache")
    (fast,) = [listed for listed in repository.listed if listed.name == "fast"]
    experiment = repository.read(fast)
    assert experiment.parameters["training"] == {"epochs": 2, "rate": 3.0}
    assert experiment.path("data/epochs/2.txt").read_text() == "63"
    current = yaml.safe_load(project.read("dvc.lock"))["stages"]["corpus"]["deps"]
    assert experiment.setting["src/code.py"] == current[1]["md5"]
    assert repository.is_current(fast, experiment)
    text = project.command("git", "show", f"{fast.rev}:params.yaml")
    assert "# or large" in text or "profile: small" in text

    # A second time there is nothing left to do, and it is brought along to the next commit.
    assert "to record" not in succeed("adopt", "--since", "HEAD~1")
    project.write("README.md", "words")
    project.commit("words")
    assert "experiment fast to record for this commit" in succeed("adopt", "--since", "HEAD~2")
    project.command("git", "checkout", "--quiet", ".")
    project.dvc("exp", "apply", "fast")
    assert project.repro() == []


def test_a_name_that_is_taken_is_completed(project: Project) -> None:
    old = project.command("git", "for-each-ref", "--format=%(objectname)", "refs/exps/*/*/fast")
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("remark")
    project.dvc("exp", "run", "--name", "fast", "--set-param", "training.rate=5.0")
    project.command("git", "checkout", "--quiet", ".")
    assert f"experiment fast-{old[:7]} to record" in succeed("adopt", "--since", "HEAD~1")


def test_a_moved_module(project: Project) -> None:
    (project.folder / "src" / "code.py").unlink()
    project.write("src/room/__init__.py", "")
    project.write("src/room/reading.py", CODE)
    project.set_stages("room.reading")
    moved = [
        ["src/room" if dep == "src/code.py" else dep for dep in deps]
        for deps in (PIPELINE["stages"]["corpus"]["deps"], EPOCHS["stages"]["train"]["do"]["deps"])
    ]
    project.set_pipeline(pipeline(deps=moved[0]), epochs(deps=moved[1]))
    project.commit("moved")
    succeed("adopt", "--since", "HEAD~1")
    assert project.status() == UP_TO_DATE
    assert project.repro() == []


def test_a_renamed_stage(project: Project) -> None:
    changed = deepcopy(PIPELINE)
    changed["stages"]["read"] = changed["stages"].pop("corpus")
    project.set_pipeline(changed, EPOCHS)
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("renamed")
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def test_a_new_parameter_with_its_neutral_value(project: Project) -> None:
    for name in ("small", "large"):
        path = project.folder / "profiles" / f"{name}.yaml"
        profile = yaml.safe_load(path.read_text())
        profile["captioner"]["length"] = profile["data"]["sampled"] = None
        path.write_text(yaml.safe_dump(profile))
    keys = ["captioner.beams", "captioner.length"]
    params = ["training.rate", {"profiles/${profile}.yaml": keys}]
    project.set_pipeline(PIPELINE, epochs(params=params))
    project.commit("new parameters")
    refused = succeed("adopt", "--since", "HEAD~1")
    assert "train (4): newly reads profiles/small.yaml: captioner.length" in refused
    assert "corpus: newly reads profiles/small.yaml: data.sampled" in refused
    assert "fast: corpus, train (2)" in refused

    stated = {"profiles/*.yaml: captioner.length": None, "profiles/*.yaml: data.sampled": None}
    project.set_rules(parameters=stated)
    project.commit("neutral")
    said = succeed("adopt", "--since", "HEAD~2")
    assert "some with the neutral values of profiles/small.yaml: " in said
    assert project.repro() == []
    assert ran(project.dvc("exp", "run", "--set-param", "training.rate=3.0")) == []
    # Another value than the neutral one was never computed.
    project.set("profiles/small.yaml", **{"captioner.length": 20})
    assert project.repro()[:2] == ["train@1", "train@2"]


def test_a_new_input_with_its_neutral_content(project: Project) -> None:
    project.write("defaults/decisions.txt", "")
    with (project.folder / "params.yaml").open("a") as file:
        file.write("inputs:\n  decisions: defaults/decisions.txt\n")
    deps = [*PIPELINE["stages"]["corpus"]["deps"], "${inputs.decisions}"]
    project.set_pipeline(pipeline(deps=deps), EPOCHS)
    project.commit("decisions")
    assert "corpus: newly depends on defaults/decisions.txt" in succeed(
        "adopt", "--since", "HEAD~1"
    )
    project.set_rules(inputs={"defaults/decisions.txt": "d41d8cd98f00b204e9800998ecf8427e"})
    project.commit("neutral")
    succeed("adopt", "--since", "HEAD~2")
    assert project.status() == UP_TO_DATE
    project.write("defaults/decisions.txt", "no\n")
    assert project.repro() == ["corpus"]

    # What a user names in its place is part of the result, and adopted from here on.
    project.write("mine.txt", "yes\n")
    project.command("git", "checkout", "--quiet", "defaults")
    project.set("params.yaml", **{"inputs.decisions": "mine.txt"})
    assert project.repro() == ["corpus"]
    project.commit("mine")
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("remark")
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def test_a_profile_that_is_read_newly_is_the_one_of_the_result(project: Project) -> None:
    changed = deepcopy(PIPELINE)
    changed["stages"]["report"]["params"].append({"profiles/${profile}.yaml": ["captioner.beams"]})
    project.set_pipeline(changed, EPOCHS)
    project.set_rules(parameters={"profiles/small.yaml: captioner.beams": 3})
    project.commit("beams")
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def test_a_section_of_inputs_that_is_new(project: Project) -> None:
    with (project.folder / "params.yaml").open("a") as file:
        file.write("inputs:\n  scores: defaults/scores\n  decisions: defaults/none\n")
    changed = deepcopy(PIPELINE)
    changed["stages"]["report"]["params"].append("inputs")
    project.set_pipeline(changed, EPOCHS)
    stated = {"params.yaml: inputs.scores": "defaults/scores"}
    project.set_rules(parameters=stated)
    project.commit("inputs")
    said = succeed("adopt", "--since", "HEAD~1", "--dry-run")
    assert "report (2): newly reads params.yaml: inputs.decisions\n" in said
    project.set_rules(parameters=stated | {"params.yaml: inputs.decisions": "defaults/none"})
    project.commit("both")
    succeed("adopt", "--since", "HEAD~2")
    assert project.repro() == []


def test_other_versions_of_the_libraries(project: Project) -> None:
    project.write("versions.yaml", 'torch: "2.14.0"\n')
    project.commit("upgrade")
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def test_a_section_that_is_tracked_by_its_leaves_and_back(project: Project) -> None:
    leaves = [{"profiles/${profile}.yaml": ["data.offset"]}]
    whole = ["training.rate", {"profiles/${profile}.yaml": ["captioner"]}]
    project.set_pipeline(pipeline(params=leaves), epochs(params=whole))
    project.commit("other keys")
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def with_families(project: Project) -> None:
    """Let training depend on a digest of its family, which a stage of its own writes."""
    for name, family in (("small", "blip"), ("large", "git")):
        profile = yaml.safe_load(project.read(f"profiles/{name}.yaml"))
        project.write(f"profiles/{name}.yaml", yaml.safe_dump(profile | {"family": family}))
        project.write(f"families/{family}.py", f"# the family {family}\n")
    project.write("stages/family.py", FAMILY)
    changed = deepcopy(PIPELINE)
    changed["stages"]["family"] = {
        "cmd": "python -m stages.family",
        "params": [{"profiles/${profile}.yaml": ["family"]}],
        "deps": ["data/corpus/test.txt", "families", "stages/family.py"],
        "outs": ["data/digests"],
    }
    deps = [*EPOCHS["stages"]["train"]["do"]["deps"], "data/digests/family.txt"]
    project.set_pipeline(changed, epochs(deps=deps))
    project.set_rules(code=["src", "stages", "versions.yaml", "families", "data/digests"])
    project.write(".gitignore", project.read(".gitignore") + "/data/digests\n")


def test_a_digest_of_code_that_is_new(project: Project) -> None:
    with_families(project)
    project.commit("families")
    said = succeed("adopt", "--since", "HEAD~1", "--dry-run")
    assert (
        "it is not known what data/digests/family.txt is now; run the stage that makes it" in said
    )
    assert project.repro("family") == ["family"]
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []
    assert ran(project.dvc("exp", "run", "--set-param", "training.rate=3.0")) == []
    repository = Repository(project.folder, project.folder / ".dvc" / "cache")
    (fast,) = [listed for listed in repository.listed if listed.name == "fast"]
    assert "stages/family.py" in repository.read(fast).setting


def test_a_digest_of_code_that_changes(project: Project) -> None:
    with_families(project)
    project.commit("families")
    assert project.repro() == ["family", "train@1", "train@2"]
    project.commit("run of blip")
    project.set("params.yaml", profile="large")
    assert project.repro() == ["corpus", "family", "train@1", "train@2", "report"]
    project.command("git", "checkout", "--quiet", ".")
    project.write("families/blip.py", "# the family blip, with a remark\n")
    project.commit("remark")
    said = succeed("adopt", "--since", "HEAD~1")
    assert "family (2): it is made of code; run the stage that makes it, and adopt again" in said
    assert project.repro("family") == ["family"]
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []
    # That of the other profile is known once its stage has run.
    project.command("git", "checkout", "--quiet", ".")
    project.set("params.yaml", profile="large")
    assert project.repro("family") == ["family"]
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def test_a_cache_of_two_branches(project: Project) -> None:
    project.command("git", "checkout", "--quiet", "-b", "other")
    project.write("src/code.py", CODE.replace("int(word)", "2 * int(word)"))
    project.commit("other numbers")
    assert project.repro() == ["corpus", "train@1", "train@2", "report"]
    other = project.commit("other run")
    project.command("git", "checkout", "--quiet", "main")
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("remark")
    said = succeed("adopt", "--since", "HEAD~1")
    assert "3 results of other versions than " in said
    assert project.repro() == []
    assert project.read("reports/report.txt") == "28 and 0"

    # The other branch adopts its own.
    project.command("git", "stash", "--quiet")
    project.command("git", "checkout", "--quiet", "other")
    project.write("src/code.py", "# remark\n" + CODE.replace("int(word)", "2 * int(word)"))
    project.commit("remark there")
    succeed("adopt", "--since", other)
    assert project.repro() == []


def test_other_data_are_refused(project: Project) -> None:
    project.write("data/source.txt", "1 2 4\n")
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("other data")
    said = succeed("adopt", "--since", "HEAD~1")
    assert "1 result not adopted:\n  corpus: data/source.txt has other content now\n" in said
    assert "1 experiment not recorded, as stages of them are not adopted:\n  fast: corpus\n" in said
    assert project.repro()[0] == "corpus"


def test_another_command_other_outputs_and_a_stage_that_is_gone(project: Project) -> None:
    changed = pipeline(cmd="python -m stages.corpus --all")
    changed["stages"]["report"]["outs"] = ["reports/page.txt"]
    project.set_pipeline(changed, epochs() | {"stages": {}})
    project.commit("all is other")
    said = succeed("adopt", "--since", "HEAD~1", "--dry-run")
    assert (
        "its command is now `python -m stages.corpus --all`, was `python -m stages.corpus`" in said
    )
    assert "its outputs are now reports/page.txt, were reports/report.txt" in said
    assert "train (4): there is no such stage any more" in said


def test_a_changed_parameter(project: Project) -> None:
    project.set("params.yaml", **{"training.rate": 4})
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("another rate")
    succeed("adopt", "--since", "HEAD~1")
    # What was computed is of the old value, and only found with that.
    assert project.repro() == ["train@1", "train@2", "report"]
    assert ran(project.dvc("exp", "run", "--set-param", "training.rate=2")) == []


def test_a_parameter_that_is_no_longer_read(project: Project) -> None:
    project.set_pipeline(PIPELINE, epochs(params=["training.rate"]))
    project.commit("no beams")
    said = succeed("adopt", "--since", "HEAD~1")
    assert "train (4): no longer reads profiles/small.yaml: captioner.beams = 3" in said
    dropped = {"parameters": {"profiles/*.yaml: captioner.beams": 4}, "inputs": {}}
    project.set_rules(dropped=dropped)
    project.commit("for four")
    assert "no longer reads" in succeed("adopt", "--since", "HEAD~2")
    dropped["parameters"] = {"profiles/*.yaml: captioner.beams": 3}
    project.set_rules(dropped=dropped)
    project.commit("for three")
    succeed("adopt", "--since", "HEAD~3")
    assert project.repro() == []


def test_what_has_another_name(project: Project) -> None:
    path = project.folder / "profiles" / "small.yaml"
    path.write_text("data: {offset: 1}\nmodel: {beams: 3}\n")
    project.command("git", "mv", "data/source.txt", "data/words.txt")
    project.write("stages/corpus.py", project.read("stages/corpus.py").replace("source", "words"))
    deps = ["data/words.txt", "src/code.py", "stages/corpus.py"]
    params = ["training.rate", {"profiles/${profile}.yaml": ["model.beams"]}]
    project.set_pipeline(pipeline(deps=deps), epochs(params=params))
    parameters = {"profiles/*.yaml: captioner": "model"}
    project.set_rules(
        renamed={"parameters": parameters, "inputs": {"data/source.txt": "data/words.txt"}}
    )
    project.commit("renamed")
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def test_what_a_stage_writes_has_changed(project: Project) -> None:
    project.write("src/code.py", CODE.replace("int(word)", "3 * int(word)"))
    project.set_rules(results={"train@*": 2})
    project.commit("other results of train")
    said = succeed("adopt", "--since", "HEAD~1")
    assert "train (4): what it writes has changed" in said
    assert project.repro() == ["train@1", "train@2", "report"]
    # From here on it is as of today.
    project.commit("run")
    project.write("versions.yaml", 'torch: "2.14.0"\n')
    project.commit("upgrade")
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def test_a_file_that_a_stage_writes_beside_what_it_wrote(project: Project) -> None:
    writes = "Path('data/corpus/list.txt').write_text('two files')\n"
    project.write("stages/corpus.py", project.read("stages/corpus.py") + writes)
    changed = deepcopy(PIPELINE)
    deps = changed["stages"]["report"]["deps"]
    deps[0:1] = ["data/corpus/list.txt", "data/corpus/test.txt"]
    project.set_pipeline(changed, EPOCHS)
    project.set_rules(results={"corpus": 2}, derived=["data/corpus/list.txt"])
    project.commit("a list")
    said = succeed("adopt", "--since", "HEAD~1", "--dry-run")
    assert "report (2): data/corpus/list.txt is new; run the stage that makes it, and adopt" in said
    assert project.repro("corpus") == ["corpus"]
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def with_classes(project: Project) -> None:
    """Let training write a second file, and state what it is of results of before."""
    writes = "Path(f'data/epochs/{epoch}.class.json').write_text('today')\n"
    project.write("stages/train.py", project.read("stages/train.py") + writes)
    # Before the output of before, in the order of the alphabet.
    project.set_pipeline(
        PIPELINE, epochs(outs=["data/epochs/${key}.txt", "data/epochs/${key}.class.json"])
    )
    project.commit("classes")


def test_a_file_that_a_stage_writes_newly(project: Project) -> None:
    with_classes(project)
    said = succeed("adopt", "--since", "HEAD~1", "--dry-run")
    assert (
        "its outputs are now data/epochs/1.class.json, data/epochs/1.txt, were data/epochs/1.txt"
        in said
    )
    project.set_rules(added={"*.class.json": "unknown\n"})
    project.commit("known of results of before")
    said = succeed("adopt", "--since", "HEAD~2")
    assert "4 results to adopt: train (4)\n" in said
    assert "some with the neutral values of *.class.json\n" in said
    assert project.repro() == []
    assert project.read("data/epochs/2.class.json") == "unknown\n"
    assert project.read("data/epochs/2.txt") == "28"
    assert project.status() == UP_TO_DATE
    assert ran(project.dvc("exp", "run", "--set-param", "training.rate=3.0")) == []
    assert project.read("reports/report.txt") == "63 and 0"
    assert "0 results to adopt\n" in succeed("adopt", "--since", "HEAD~2")
    # What runs anew writes its own.
    project.set("params.yaml", **{"training.rate": 4})
    assert project.repro() == ["train@1", "train@2", "report"]
    assert project.read("data/epochs/2.class.json") == "today"


@pytest.mark.parametrize("used", [False, True])
def test_undo_of_a_file_that_results_of_before_lack(project: Project, used: bool) -> None:
    with_classes(project)
    project.set_rules(added={"*.class.json": "today"})
    project.commit("known of results of before")
    before, experiments = cached(project), references(project)
    locks = ["dvc.lock", "stages/epochs/dvc.lock"]
    texts = [project.read(lock) for lock in locks]
    succeed("adopt", "--since", "HEAD~2")
    (added,) = {name for name in cached(project).keys() - before.keys() if "files" in name}
    assert (project.folder / ".dvc" / "cache" / added).stat().st_mode & 0o777 == 0o444
    if used:  # by a result that is computed since then
        project.set("params.yaml", **{"training.rate": 4})
        assert project.repro() == ["train@1", "train@2", "report"]
        succeed("adopt", "--undo")
        assert cached(project)[added] == b"today"
        assert project.repro() == []
    else:
        succeed("adopt", "--undo")
        assert cached(project) == before
        assert [project.read(lock) for lock in locks] == texts
        assert references(project) == experiments


def test_what_this_project_states_of_classes_is_what_its_stages_would_write(tmp_path: Path) -> None:
    rules = parse_adoptable((REPOSITORY / ADOPTABLE).read_text(encoding="utf-8"))
    written = class_file(tmp_path / "losses.jsonl")
    write_classes(tmp_path / "losses.jsonl", [UNKNOWN])
    key = rules.addition(f"data/epochs/1/{written.name}")
    assert key is not None and rules.added[key].encode() == written.read_bytes()
    assert rules.addition("data/epochs/1/losses.jsonl") is None


@pytest.mark.parametrize("stopped", ["_add_run", "_replace_stages"])
def test_stopped_half_way(project: Project, monkeypatch: pytest.MonkeyPatch, stopped: str) -> None:
    from caption_curation.adoption import apply

    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("remark")
    before, status, experiments = cached(project), project.status(), references(project)
    original, calls = getattr(apply, stopped), list[int]()

    def stop(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2 or stopped == "_replace_stages":
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(apply, stopped, stop)
    assert console("adopt", "--since", "HEAD~1").status == INTERRUPTED
    monkeypatch.undo()
    monkeypatch.chdir(project.folder)
    assert before.items() <= cached(project).items()
    succeed("adopt", "--undo")
    assert (cached(project), project.status(), references(project)) == (before, status, experiments)
    succeed("adopt", "--since", "HEAD~1")
    assert project.repro() == []


def test_undo(project: Project) -> None:
    project.write("src/code.py", f"# a remark\n{CODE}")
    project.commit("remark")
    before, locks = (
        cached(project),
        [project.read("dvc.lock"), project.read("stages/epochs/dvc.lock")],
    )
    experiments = references(project)
    succeed("adopt", "--since", "HEAD~1")
    said = succeed("adopt", "--undo")
    assert "taken back: 5 results, 3 stages of dvc.lock files, 1 experiment" in said
    assert cached(project) == before
    assert [project.read("dvc.lock"), project.read("stages/epochs/dvc.lock")] == locks
    assert references(project) == experiments
    assert "there is nothing to undo" in fail("adopt", "--undo")


def test_which_version_computed_a_result(project: Project) -> None:
    from caption_curation.adoption.record import adoptions, computed_by

    first = project.command("git", "rev-parse", "HEAD").strip()
    for number in (1, 2):
        project.write("src/code.py", f"# remark {number}\n{CODE}")
        project.commit(f"remark {number}")
        succeed("adopt", "--since", "HEAD~1")
        project.commit(f"adopted {number}")
    cache = project.folder / ".dvc" / "cache"
    assert set(computed_by(adoptions(cache)).values()) == {first}


def test_what_cannot_be_asked(project: Project) -> None:
    assert "'no-such' is no commit of this repository" in fail("adopt", "--since", "no-such")
    assert "either --since REV" in fail("adopt", status=2)
    assert "either --since REV" in fail("adopt", "--undo", "--since", "HEAD", status=2)
    project.write("src/code.py", f"# a remark\n{CODE}")
    assert "src/code.py: not as committed" in fail("adopt", "--since", "HEAD")
    project.write("adoptable.yaml", "code: src\nresult: {}\n")
    project.commit("not valid")
    faults = fail("adopt", "--since", "HEAD~1")
    assert "adoptable.yaml: code = 'src': Input should be a valid list" in faults
    assert "adoptable.yaml: result: unknown key" in faults
    (project.folder / "adoptable.yaml").unlink()
    project.commit("none")
    assert "adoptable.yaml: there is no such file in the commit" in fail(
        "adopt", "--since", "HEAD~1"
    )

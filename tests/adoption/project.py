"""A small project with the house's form: profiles, epochs, code and data that stages depend on."""

import io
import logging
import os
import re
import subprocess
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from dvc.cli import main

from tests.pipeline.clone import change

CODE = "def numbers(text):\n    return [int(word) for word in text.split()]\n"
STAGE = """\
import sys
import yaml
from pathlib import Path
sys.path.insert(0, "src")
from {module} import numbers
{body}
"""
PARAMETERS = "yaml.safe_load(Path('params.yaml').read_text())"
CORPUS = f"""\
profile = yaml.safe_load(Path('profiles/' + {PARAMETERS}['profile'] + '.yaml').read_text())
Path('data/corpus').mkdir(parents=True)
total = sum(numbers(Path('data/source.txt').read_text())) + profile['data']['offset']
Path('data/corpus/train.txt').write_text(str(total))
Path('data/corpus/test.txt').write_text(str(total % 7))
"""
TRAIN = f"""\
epoch = int(sys.argv[1])
before = Path('data/corpus/train.txt') if epoch == 1 else Path(f'data/epochs/{{epoch - 1}}.txt')
Path('data/epochs').mkdir(exist_ok=True)
total = sum(numbers(before.read_text())) * {PARAMETERS}['training']['rate']
Path(f'data/epochs/{{epoch}}.txt').write_text(f'{{total:g}}'.partition('.')[0])
"""
REPORT = f"""\
last = Path(f"data/epochs/{{{PARAMETERS}['training']['epochs']}}.txt").read_text()
Path('reports').mkdir(exist_ok=True)
Path('reports/report.txt').write_text(f"{{last}} and {{Path('data/corpus/test.txt').read_text()}}")
"""
PIPELINE: dict[str, Any] = {
    "stages": {
        "corpus": {
            "cmd": "python -m stages.corpus",
            "params": [{"profiles/${profile}.yaml": ["data"]}],
            "deps": ["data/source.txt", "src/code.py", "stages/corpus.py"],
            "outs": ["data/corpus"],
        },
        "report": {
            "cmd": "python -m stages.report",
            "params": ["profile", "training", "curation"],
            "deps": ["data/corpus", "data/epochs/${training.epochs}.txt", "stages/report.py"],
            "outs": ["reports/report.txt"],
        },
    }
}
EPOCHS: dict[str, Any] = {
    "vars": [
        "../../params.yaml",
        {"table": {"1": {"reads": "corpus/train"}, "2": {"reads": "epochs/1"}}},
    ],
    "stages": {
        "train": {
            "foreach": "${table}",
            "do": {
                "wdir": "../..",
                "cmd": "python -m stages.train ${key}",
                "params": ["training.rate", {"profiles/${profile}.yaml": ["captioner.beams"]}],
                "deps": [
                    "data/${item.reads}.txt",
                    "src/code.py",
                    "stages/train.py",
                    "versions.yaml",
                ],
                "outs": ["data/epochs/${key}.txt"],
            },
        }
    },
}
RULES: dict[str, Any] = {
    "code": ["src", "stages", "versions.yaml"],
    "results": {},
    "parameters": {},
    "inputs": {},
    "added": {},
    "derived": [],
    "renamed": {"parameters": {}, "inputs": {}},
    "dropped": {"parameters": {}, "inputs": {}},
}


class Project:
    """A git and DVC repository in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def make(cls, folder: Path) -> "Project":
        """The project, whose pipeline has run, and so has the experiment ``fast``."""
        project = cls(folder)
        project.command("git", "init", "--quiet", "--initial-branch=main")
        project.command("git", "config", "user.name", "A")
        project.command("git", "config", "user.email", "a@example.org")
        project.dvc("init", "--quiet")
        project.dvc("config", "core.autostage", "true")
        project.write(".dvcignore", "__pycache__/\n")
        project.write(".gitignore", "__pycache__/\n/data/corpus\n/data/epochs\n/reports\n")
        project.write("data/source.txt", "1 2 3\n")
        project.write("src/code.py", CODE)
        project.write("versions.yaml", 'torch: "2.13.0"\n')
        project.set_stages()
        # A remark, which stays where an experiment sets values.
        project.write("params.yaml", "profile: small  # or large\n")
        parameters = {
            "training": {"epochs": 2, "rate": 2},
            "curation": {"method": "none"},
            "seed": 0,
        }
        with (folder / "params.yaml").open("a") as file:
            yaml.safe_dump(parameters, file)
        for name, offset in (("small", 1), ("large", 100)):
            profile = {"data": {"offset": offset}, "captioner": {"beams": 3}}
            project.write(f"profiles/{name}.yaml", yaml.safe_dump(profile))
        project.set_pipeline(PIPELINE, EPOCHS)
        project.set_rules()
        project.command("git", "add", "--all")
        assert project.repro() == ["corpus", "train@1", "train@2", "report"]
        project.commit("first")
        project.dvc("exp", "run", "--name", "fast", "--set-param", "training.rate=3.0")
        project.command("git", "checkout", "--quiet", ".")
        project.dvc("checkout", "--quiet")
        return project

    def set_stages(self, module: str = "code") -> None:
        """Write the stages, which import a module for what they share."""
        for name, body in (("corpus", CORPUS), ("train", TRAIN), ("report", REPORT)):
            self.write(f"stages/{name}.py", STAGE.format(module=module, body=body))

    def set_pipeline(self, pipeline: dict[str, Any], epochs: dict[str, Any]) -> None:
        self.write("dvc.yaml", yaml.safe_dump(pipeline))
        self.write("stages/epochs/dvc.yaml", yaml.safe_dump(epochs))

    def set_rules(self, **changes: Any) -> None:
        self.write("adoptable.yaml", yaml.safe_dump(RULES | changes))

    def set(self, file: str, **values: Any) -> None:
        """Change dotted keys of a parameter file."""
        change(self.folder / file, values)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def commit(self, message: str) -> str:
        self.command("git", "add", "--all")
        self.command("git", "commit", "--quiet", "--message", message)
        return self.command("git", "rev-parse", "HEAD").strip()

    def command(self, *words: str) -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=os.environ | self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def dvc(self, *words: str) -> str:
        """What a command of DVC says; in this process, for loading DVC takes most of its time."""
        said = io.StringIO()
        here = patch.dict(os.environ, self.environment())
        log, logged = logging.getLogger("dvc"), logging.StreamHandler(said)
        log.addHandler(logged)
        try:
            with chdir(self.folder), here, redirect_stdout(said), redirect_stderr(said):
                status = main(words)
        finally:
            log.removeHandler(logged)
        assert status == 0, said.getvalue()
        return said.getvalue()

    def environment(self) -> dict[str, str]:
        """What stages need; without it Python would compile them beside the sources."""
        return {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}

    def repro(self, *words: str) -> list[str]:
        """The stages that `dvc repro` really runs."""
        return ran(self.dvc("repro", *words))

    def status(self) -> str:
        return self.dvc("status").strip()


def ran(output: str) -> list[str]:
    """The stages that a command of DVC ran, by what it says."""
    found = re.findall(r"Running stage '(?:stages/epochs/dvc\.yaml:)?([^']+)'", output)
    return list(dict.fromkeys(found))  # what DVC logs may be shown twice

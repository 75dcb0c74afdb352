"""The set-up of `make demo` and `make test`: what is pinned, and what is done again."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def pins(file: str) -> set[str]:
    return set(
        re.findall(r"^[a-z0-9][a-z0-9._-]*==[^ ;\\]+", (ROOT / "requirements" / file).read_text(), re.M)
    )


def test_what_the_demo_needs_is_pinned_alike_for_the_tests() -> None:
    assert pins("main.txt")
    assert pins("main.txt") <= pins("dev.txt")


@pytest.mark.parametrize("file", ["main.txt", "dev.txt", "data.txt"])
def test_every_pin_has_its_hash_and_no_address(file: str) -> None:
    text = (ROOT / "requirements" / file).read_text()
    requirements = re.split(r"\n(?=[a-z0-9])", re.sub(r"^ *#.*\n", "", text, flags=re.M).strip())
    assert len(requirements) == len(pins(file))
    assert all("--hash=sha256:" in requirement for requirement in requirements)
    assert "://" not in text
    assert "--index-url" not in text


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a project of its own in which pip is only written down."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / "tools" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "requirements").mkdir()
    for file in ("requirements/main.txt", "requirements/dev.txt", "requirements/data.txt", "pyproject.toml"):
        (tmp_path / file).write_text(f"# {file}\n")
    venv = tmp_path / ".venv"
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "STAMPS", venv / "stamps")
    monkeypatch.setattr(module, "PYTHON", venv / "bin" / "python")
    monkeypatch.setattr(module, "make_venv", lambda: venv.mkdir())
    monkeypatch.setattr(module, "usable", lambda: sys.version if venv.exists() else None)
    done: list[str] = []
    monkeypatch.setattr(module, "pip", lambda file, arguments: done.append(file))
    monkeypatch.setattr(module, "done", done, raising=False)
    return module


def prepare(module: ModuleType, level: str) -> list[str]:
    """Prepare a level, and give what pip was asked for."""
    module.done.clear()
    module.prepare(level)
    return list(module.done)


def test_a_set_up_is_made_once(environment: ModuleType) -> None:
    assert prepare(environment, "demo") == [
        "requirements/main.txt",
        "requirements/data.txt",
        "gnomon itself",
    ]
    assert prepare(environment, "demo") == []
    assert prepare(environment, "test") == ["requirements/dev.txt"]
    assert prepare(environment, "test") == []


def test_only_what_changed_is_done_again(environment: ModuleType) -> None:
    prepare(environment, "test")
    (environment.ROOT / "requirements" / "dev.txt").touch()
    assert prepare(environment, "test") == []
    (environment.ROOT / "requirements" / "dev.txt").write_text("# changed\n")
    assert prepare(environment, "test") == ["requirements/dev.txt"]
    (environment.ROOT / "pyproject.toml").write_text("[tool.ruff]\nline-length = 1\n")
    assert prepare(environment, "test") == []
    (environment.ROOT / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert prepare(environment, "test") == ["gnomon itself"]


def test_another_python_in_the_same_place_does_all_again(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(environment, "demo")
    monkeypatch.setattr(environment, "usable", lambda: "3.99")
    assert len(prepare(environment, "demo")) == 3


def test_an_interrupted_step_is_done_again(environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(file: str, arguments: list[str]) -> None:
        raise KeyboardInterrupt

    recorded = environment.pip
    monkeypatch.setattr(environment, "pip", interrupted)
    with pytest.raises(KeyboardInterrupt):
        environment.prepare("demo")
    monkeypatch.setattr(environment, "pip", recorded)
    assert len(prepare(environment, "demo")) == 3


def test_what_an_interrupted_pip_left_is_removed(environment: ModuleType) -> None:
    site = environment.VENV / "lib" / "python3.13" / "site-packages"
    for name, files in (
        ("whole", ["INSTALLER", "RECORD"]),
        ("half", ["METADATA", "RECORD"]),
        ("begun", ["METADATA"]),
    ):
        (site / f"{name}-1.dist-info").mkdir(parents=True)
        for file in files:
            (site / f"{name}-1.dist-info" / file).touch()
    (site / "~umpy").mkdir()
    prepare(environment, "demo")
    assert [folder.name for folder in site.iterdir()] == ["whole-1.dist-info"]

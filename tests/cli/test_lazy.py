"""The command line answers at once, and ends in one way."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gnomon.cli import COMMANDS, main
from gnomon.cli.lazy import LazyCommand, LazyGroup
from gnomon.errors import DefinitionError

HEAVY = (
    "astropy",
    "deltalake",
    "lsst",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "rich",
    "sqlalchemy",
)


def run_command(*args: str) -> Result:
    return CliRunner().invoke(main, args, prog_name="gnomon")


def loaded_by(code: str) -> set[str]:
    """Give the top-level packages that a fresh interpreter holds after some code."""
    script = (
        f"import contextlib, io, json, sys\nwith contextlib.redirect_stdout(io.StringIO()):\n    {code}\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "code",
    [
        "import gnomon",
        "from gnomon.cli import main; main(['--help'], standalone_mode=False)",
        "from gnomon.cli import main; main(['--version'], standalone_mode=False)",
        "import click; from gnomon.cli import main; main.shell_complete(click.Context(main), 'd')",
    ],
)
def test_nothing_heavy_is_imported_for(code: str) -> None:
    assert loaded_by(code).isdisjoint(HEAVY)


def test_help_lists_every_command_with_its_line() -> None:
    result = run_command("--help")
    assert result.exit_code == 0
    for name, command in COMMANDS.items():
        assert name in result.stdout
        assert command.help.split()[0] in result.stdout


def test_the_installed_command_is_this_one() -> None:
    script = Path(sys.executable).with_name("gnomon")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("gnomon ")


def test_a_typo_is_answered_with_the_nearest_command() -> None:
    result = run_command("dmeo")
    assert result.exit_code == 2
    assert "'dmeo' is not a command. Did you mean demo?" in result.stderr


def test_no_command_is_misuse_and_shows_the_help() -> None:
    result = run_command()
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


def test_completion_needs_only_the_table() -> None:
    items = LazyGroup("x", lazy={"store": LazyCommand("nowhere:store", "Keep.")}).shell_complete(
        click.Context(main), "st"
    )
    assert [(item.value, item.help) for item in items] == [("store", "Keep.")]


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LazyGroup:
    (tmp_path / "some_commands.py").write_text(
        "import click\n@click.command()\ndef well(): click.echo('well')\nnumber = 3\n"
    )
    (tmp_path / "unhappy_command.py").write_text("import a_package_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    lazy = {
        "well": LazyCommand("some_commands:well", "Well."),
        "number": LazyCommand("some_commands:number", "No command."),
        "unhappy": LazyCommand("unhappy_command:unhappy", "Unhappy.", extra="butler"),
        "gone": LazyCommand("gnomon.cli.of_no_such_name:gone", "A mistake of ours.", extra="butler"),
    }
    return LazyGroup("tool", lazy=lazy)


def test_a_command_is_imported_when_it_is_called(group: LazyGroup) -> None:
    sys.modules.pop("some_commands", None)
    runner = CliRunner()
    runner.invoke(group, ["--help"])
    assert "some_commands" not in sys.modules
    assert runner.invoke(group, ["well"]).stdout == "well\n"
    assert "some_commands" in sys.modules


def test_a_package_that_is_missing_is_named_with_the_extra_that_has_it(group: LazyGroup) -> None:
    result = CliRunner().invoke(group, ["unhappy"], prog_name="tool")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: `tool unhappy` needs a_package_that_nobody_has, which is not installed; "
        "the extra butler has it: pip install 'gnomon[butler]'.\n"
    )


def test_a_mistake_of_ours_is_not_hidden(group: LazyGroup) -> None:
    assert isinstance(CliRunner().invoke(group, ["gone"]).exception, ModuleNotFoundError)
    assert isinstance(CliRunner().invoke(group, ["number"]).exception, TypeError)


def fails_with(error: BaseException) -> Result:
    @click.command()
    def failing() -> None:
        raise error

    outer = LazyGroup("tool", lazy={})
    outer.add_command(failing)
    return CliRunner().invoke(outer, ["failing"])


def test_an_error_of_ours_is_a_message_with_its_place() -> None:
    result = fails_with(DefinitionError("A metric needs a unit.", file="metrics/demo.yaml", line=3))
    assert (result.exit_code, result.stderr) == (2, "Error: metrics/demo.yaml:3: A metric needs a unit.\n")


def test_an_error_of_the_system_about_a_file_is_a_message() -> None:
    result = fails_with(PermissionError(13, "Permission denied", "/a/file"))
    assert (result.exit_code, result.stderr) == (2, "Error: /a/file: Permission denied.\n")


def test_a_full_disk_is_a_message_even_if_nobody_knows_of_which_file() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="space") as caught:
        full.write(b"something")
    assert caught.value.filename is None
    result = fails_with(caught.value)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "No space left on device" in result.stderr


def test_any_other_error_keeps_its_trace() -> None:
    error = RuntimeError("a bug")
    assert fails_with(error).exception is error


def test_an_interruption_is_a_word_and_its_own_status() -> None:
    result = fails_with(KeyboardInterrupt())
    assert result.exit_code == 130
    assert result.stderr.strip() == "Interrupted."


def test_saying_no_aborts_with_a_word() -> None:
    result = fails_with(click.Abort())
    assert result.exit_code == 2
    assert result.stderr.strip() == "Error: Aborted."


def test_findings_have_their_own_status() -> None:
    @click.command()
    @click.pass_context
    def finding(ctx: click.Context) -> None:
        ctx.exit(1)

    outer = LazyGroup("tool", lazy={})
    outer.add_command(finding)
    assert CliRunner().invoke(outer, ["finding"]).exit_code == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_has_help(name: str) -> None:
    result = run_command(name, "--help")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"Usage: gnomon {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_needs_no_butler(name: str) -> None:
    code = f"from gnomon.cli import main; main(['{name}', '--help'], standalone_mode=False)"
    assert loaded_by(code).isdisjoint({"lsst"})


def test_saying_something_waits_for_no_butler_and_no_frames(tmp_path: Path) -> None:
    arguments = ["annotate", "x", "instrument=X", "visit=1", "--annotations", str(tmp_path / "a.db")]
    loaded = loaded_by(f"from gnomon.cli import main; main({arguments!r}, standalone_mode=False)")
    assert "sqlalchemy" in loaded
    assert loaded.isdisjoint({"lsst", "polars", "pyarrow", "deltalake", "pandas", "alembic"})

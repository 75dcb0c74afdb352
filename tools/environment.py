"""Make `.venv` fit for `make demo` or `make test`, and do nothing if it already is.

Run by whatever ``python3`` there is (3.12 or later), so it needs the standard library alone. Each step leaves
a stamp inside `.venv` with the digest of what it was made from: a step is due if its stamp is missing or
tells of something else. A set-up that was interrupted leaves no stamp, and the next run goes on from there.

Usage: ``python3 tools/environment.py demo|test``
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "stamps"

# pip takes no editable install, and no install without dependencies, in one call with hashed requirements.
HASHED = ("--require-hashes", "--only-binary", ":all:", "-r")
STEPS = {
    "main": ("requirements/main.txt", HASHED),
    "dev": ("requirements/dev.txt", HASHED),
    "data": ("requirements/data.txt", ("--require-hashes", "--only-binary", ":all:", "--no-deps", "-r")),
    "project": ("pyproject.toml", ("--no-deps", "--no-build-isolation", "-e")),
}
# Every pin of main.txt is in dev.txt too (a test holds them together), so one call to pip does for both.
LEVELS = {"demo": ("main", "data", "project"), "test": ("dev", "data", "project")}


def main() -> int:
    """Bring the environment to the level that the command line asks for, and give the exit status."""
    if len(sys.argv) != 2 or sys.argv[1] not in LEVELS:
        say(f"Usage: {sys.argv[0]} {'|'.join(LEVELS)}")
        return 2
    # Two makes at once would install into the same folder.
    with (ROOT / "pyproject.toml").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            prepare(sys.argv[1])
        except SetupError as error:
            say(f"gnomon: {error}")
            return 1
        except KeyboardInterrupt:
            say("\ngnomon: interrupted; the same command goes on from here.")
            return 130
    return 0


class SetupError(Exception):
    """A step that did not succeed."""


def prepare(level: str) -> None:
    """Do the steps of a level that are due."""
    if (version := usable()) is None:
        make_venv()
        version = usable()
        if version is None:
            raise SetupError("the new .venv does not work; see the messages above.")
    due = [step for step in LEVELS[level] if not stamped(step, version)]
    if not due:
        return
    STAMPS.mkdir(exist_ok=True)
    sweep()
    for step in due:
        (STAMPS / step).unlink(missing_ok=True)
        file, options = STEPS[step]
        pip("gnomon itself" if step == "project" else file, [*options, "." if step == "project" else file])
        (STAMPS / step).write_text(digest(step, version))


def usable() -> str | None:
    """Give the version of the environment's Python, or `None` if it cannot serve."""
    code = "import sys, pip; print(sys.prefix, sys.version, sep='\\n'); sys.exit(sys.version_info < (3, 12))"
    try:
        done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=False)
    except OSError:  # none there, or a link to an interpreter that is gone
        return None
    prefix, _, version = done.stdout.partition("\n")
    fits = done.returncode == 0 and Path(prefix).resolve() == VENV.resolve()
    return version if fits else None


def make_venv() -> None:
    """Make an empty environment in place of whatever is there."""
    again = VENV.exists() or VENV.is_symlink()
    say(f"Making .venv{' again, since the one there cannot be used' if again else ''} ({sys.executable}) ...")
    if VENV.is_symlink():
        VENV.unlink()
    try:
        venv.create(VENV, clear=True, with_pip=True, symlinks=True)
    except (subprocess.CalledProcessError, OSError) as error:
        raise SetupError(
            f"no virtual environment could be made: {error}\n"
            "On Debian and Ubuntu the package python3-venv has what is missing."
        ) from None


def digest(step: str, version: str) -> str:
    """Digest what a step is made from; the folder counts, since an editable install points to it."""
    file, options = STEPS[step]
    content = (ROOT / file).read_bytes()
    if step == "project":
        # The settings of tools stand in the same file, and change nothing that is installed.
        loaded = tomllib.loads(content.decode())
        content = repr(
            [loaded.get("build-system"), loaded.get("project"), loaded.get("tool", {}).get("hatch")]
        ).encode()
    made_from = hashlib.sha256(content)
    made_from.update(repr((version, str(ROOT), options)).encode())
    return made_from.hexdigest()


def stamped(step: str, version: str) -> bool:
    """Say whether a step was done with what it would be done with now."""
    try:
        return (STAMPS / step).read_text() == digest(step, version)
    except OSError:
        return False


def sweep() -> None:
    """Remove what an interrupted pip left: it would take a package without these files for installed."""
    for site in VENV.glob("lib/python*/site-packages"):
        for folder in site.glob("*.dist-info"):
            if not (folder / "INSTALLER").exists() or not (folder / "RECORD").exists():
                shutil.rmtree(folder)
        for leftover in site.glob("~*"):
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()


def pip(what: str, arguments: list[str]) -> None:
    """Install, and show what pip said only if it failed."""
    install = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    # An LSST stack's PYTHONPATH would make pip believe that its packages are installed here.
    ignored = {"PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    say(f"Installing {what} ...")
    tail: deque[str] = deque(maxlen=30)
    start = time.monotonic()
    process = subprocess.Popen(
        [str(PYTHON), *install, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        assert process.stdout is not None
        for line in progress(process.stdout):
            tail.append(line)
    finally:
        # An interruption reaches pip as well, which must have stopped writing before anybody starts again.
        status = process.wait()
    if status:
        raise SetupError(f"pip could not install {what}:\n{''.join(tail)}")
    say(f"  done in {time.monotonic() - start:.0f} s")


def progress(lines: Iterator[str]) -> Iterator[str]:
    """Pass pip's lines on and show how far it is: in place on a terminal, now and then elsewhere."""
    live = sys.stdout.isatty()
    count, shown = 0, time.monotonic()
    for line in lines:
        yield line
        word, _, rest = line.strip().partition(" ")
        if word == "Collecting":
            count += 1
            what = f"  {count} packages, {rest.split('==')[0].split()[0]}"
        elif word == "Installing" and rest.startswith("collected") and "," in rest:
            what = f"  writing {rest.count(',') + 1} packages, which takes a while"
        else:
            continue
        if live:
            print(f"\r{what:<78.78}", end="\r", flush=True)
        elif time.monotonic() - shown > 5 or word == "Installing":
            say(what)
            shown = time.monotonic()
    if live:
        print(f"{'':<78}", end="\r", flush=True)


def say(text: str) -> None:
    """Print at once: a log file must not lag behind."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""What all tests share: a home of their own, and programs that come from Debian rather than from a wheel."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A law is no benchmark: a busy machine must not make it fail.
settings.register_profile("gnomon", deadline=None)
settings.load_profile("gnomon")

_NEEDS = "needs Debian's"


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests from reading or writing what the person who runs them has in gnomon."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GNOMON_") and name != "GNOMON_TEST_APT"]:
            patch.delenv(name)
        patch.setenv("GNOMON_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser; without it a test is skipped, or fails where `requirements/apt.txt` must be installed."""
    return _from_apt("chromium", "chromium", "chromium-browser", "google-chrome")


def _from_apt(package: str, *programs: str) -> Path:
    for program in programs:
        if found := shutil.which(program):
            return Path(found)
    reason = f"{_NEEDS} {package}, which is not installed (requirements/apt.txt)"
    if os.environ.get("GNOMON_TEST_APT") == "1":
        pytest.fail(f"{reason}, though GNOMON_TEST_APT=1 promises it", pytrace=False)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly which tests were skipped for want of a Debian package."""
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if _NEEDS in str(r.longrepr)]
    if not skipped:
        return
    terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
    for report in skipped:
        terminalreporter.write_line(f"{report.nodeid}: {report.longrepr[2].removeprefix('Skipped: ')}")
    terminalreporter.write_line(
        f"{len(skipped)} tests were skipped. As root, `GNOMON_TEST_APT=1 make test` installs what they need."
    )

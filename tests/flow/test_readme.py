"""What the README tells a newcomer to type works."""

import re
import subprocess
from pathlib import Path

import pytest

from .conftest import Demonstration, environment_of_a_shell

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("night")]

README = Path(__file__).parents[2] / "README.md"


def test_the_commands_of_the_first_ten_minutes_work_as_they_stand(night: Demonstration) -> None:
    _, _, section = README.read_text(encoding="utf-8").partition("## The first ten minutes")
    blocks = re.findall(r"```sh\n(.*?)```", section.partition("\n## ")[0], flags=re.DOTALL)
    script = "\n".join(blocks)
    assert "pipetask run" in script
    # The environment that the tests run in is the one that this line would activate.
    script = script.replace("source .venv/bin/activate\n", "")
    tried = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=night.folder.parent,
        env=environment_of_a_shell(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stderr
    assert tried.stdout.count("demo.zero_point_offset") >= 94

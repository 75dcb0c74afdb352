"""What a graph costs on the command line: ``pipetask qgraph`` beside ``gnomon qgraph build``, in turns.

The survey has 500 visits and 10 detectors, and the pipeline 10,520 quanta of four tasks. 25 visits, 50
exposures and a detector of 60 visits are flagged. Counted is the CPU time of each process, from its start to
the graph on disk, with datastore records: the least of the turns, and their ratio.

Run it with ``.venv/bin/python benchmarks/graph_command.py [TURNS]``; the default is 3.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from gnomon.annotations import Actor, Assertion, Target, open_annotations
from gnomon.repository.configuration import environment
from gnomon.testing.survey_tasks import survey_pipeline
from gnomon.testing.surveys import Survey, make_survey


def mark(log: Path, survey: Survey) -> None:
    """Flag visits, exposures and detectors of visits."""
    visits = survey.visit_ids
    things = [
        *(("visit", {"visit": visit}) for visit in visits[10:35]),
        *(("exposure", {"exposure": exposure}) for exposure in survey.exposures[100:150]),
        *(("detector", {"visit": visit, "detector": 3}) for visit in visits[200:260]),
    ]
    targets = [
        Target.dimension(element, {"instrument": survey.instrument, **data_id}) for element, data_id in things
    ]
    with open_annotations(log, origin="bench") as annotations:
        annotations.add(targets=targets, flags=[Assertion("junk", "set")], actor=Actor("bot", "bot"))


def cost(command: list[str], folder: Path) -> float:
    """Run a command, and give its CPU time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = Path(sys.executable).with_name(command[0])
    subprocess.run([program, *command[1:]], cwd=folder, env=environment(), capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(turns: int) -> None:
    """Run both in turns, and print the least times."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        survey = make_survey(folder / "repo", visits=500, detectors=10)
        survey_pipeline().write_to_uri(str(folder / "survey.yaml"))
        mark(folder / "log.db", survey)
        options = [
            "-b", "repo", "-p", "survey.yaml", "-i", ",".join(survey.inputs), "-o", "out",
            "--qgraph-datastore-records", "-q",
        ]  # fmt: skip
        stock, ours = [], []
        for _ in range(turns):
            stock.append(cost(["pipetask", "qgraph", *options, "stock.qg"], folder))
            choice = ["--exclude-flags", "junk", "--annotations", "log.db"]
            ours.append(cost(["gnomon", "qgraph", "build", *options, "ours.qg", *choice], folder))
    print(f"pipetask qgraph     {min(stock):6.1f} s")
    print(f"gnomon qgraph build {min(ours):6.1f} s, {min(ours) / min(stock):.2f} times that")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

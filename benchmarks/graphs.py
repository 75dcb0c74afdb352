"""What it costs to leave data out of a quantum graph: the stock builder beside ours, in turns.

The graph has 10,000 quanta, of two tasks for each of 500 visits and 10 detectors. 500 raws and 50 exposures
are flagged; what the flags are and what is inherited is asked in every turn. As what is left out need not be
built, a graph that lost nothing is built too: the same number of flags, on data of another instrument. All
graphs hold their datastore records. Counted is the CPU time of the process: the median of the ratios within
one turn, and the ratio of the least times, which a busy machine disturbs less.

Run it with ``.venv/bin/python benchmarks/graphs.py [TURNS]``; the default is 5.
"""

import gc
import logging
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from lsst.daf.butler import Butler
from lsst.pipe.base.all_dimensions_quantum_graph_builder import AllDimensionsQuantumGraphBuilder

from gnomon.annotations import Actor, Annotations, Assertion, Target, open_annotations
from gnomon.curation.exclusions import Selection, find_exclusions
from gnomon.curation.graphs import build_graph
from gnomon.repository.configuration import open_butler
from gnomon.testing.survey_tasks import survey_pipeline
from gnomon.testing.surveys import Survey, make_survey

PIPELINE = survey_pipeline(["detrend", "measure"])


def make_logs(folder: Path, survey: Survey, butler: Butler) -> tuple[Annotations, Annotations]:
    """Flag 500 raws and 50 exposures: of the survey, and of data that the graph does not touch."""
    raws = butler.query_datasets("raw", collections=survey.raw_run, limit=None)
    logs = []
    for name, instrument, datasets in (
        ("here", survey.instrument, [ref.id for ref in raws[::10]]),
        ("elsewhere", "OtherCamera", [uuid.uuid4() for _ in range(500)]),
    ):
        log = open_annotations(folder / f"{name}.db", origin="bench")
        targets = [Target.dataset(one) for one in datasets] + [
            Target.dimension("exposure", {"instrument": instrument, "exposure": one})
            for one in survey.exposures[::10]
        ]
        log.add(targets=targets, flags=[Assertion("junk", "set", "bench")], actor=Actor("bot", "bot"))
        logs.append(log)
    return logs[0], logs[1]


def main(turns: int) -> None:
    """Build the graphs in turns and print the medians."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        survey = make_survey(folder / "repo", visits=500, detectors=10)
        with open_butler(survey.folder) as butler:
            here, elsewhere = make_logs(folder, survey, butler)

            def stock() -> int:
                components = AllDimensionsQuantumGraphBuilder(
                    PIPELINE.to_graph(), butler, input_collections=list(survey.inputs), output_run="u/bench"
                ).finish(attach_datastore_records=True)
                return components.header.n_quanta

            def ours(log: Annotations, inherit: str | None) -> Callable[[], int]:
                def build() -> int:
                    exclusions = find_exclusions(
                        Selection(exclude_flags=("junk",), inherit=inherit), annotations=log, butler=butler
                    )
                    graph = build_graph(
                        butler, PIPELINE, exclusions=exclusions, inputs=survey.inputs, output_run="u/bench"
                    )
                    return graph.components.header.n_quanta

                return build

            builders = {
                "stock": stock,
                "ours, nothing inherited": ours(here, None),
                "ours": ours(here, "standard@1"),
                "ours, of which nothing is here": ours(elsewhere, "standard@1"),
            }
            stock()
            spent: dict[str, list[float]] = {name: [] for name in builders}
            quanta = {}
            for turn in range(turns):
                for name in reversed(builders) if turn % 2 else builders:
                    gc.collect()
                    begin = time.process_time()
                    quanta[name] = builders[name]()
                    spent[name].append(time.process_time() - begin)
            here.close()
            elsewhere.close()
    print(f"{'builder':<32}{'quanta':>8}{'CPU s':>8}{'of stock':>10}{'least':>8}{'of stock':>10}")
    for name, times in spent.items():
        ratio = statistics.median(mine / its for mine, its in zip(times, spent["stock"], strict=True))
        print(
            f"{name:<32}{quanta[name]:>8}{statistics.median(times):>8.2f}{ratio:>10.3f}"
            f"{min(times):>8.2f}{min(times) / min(spent['stock']):>10.3f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

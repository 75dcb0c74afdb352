"""What a real run leaves: in the files of its datasets, in its graphs, in its table of inputs."""

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from astropy.table import Table
from lsst.daf.butler import Butler, DatasetProvenance
from lsst.daf.butler.cli.butler import cli as butler_command
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph, ProvenanceQuantumGraphReader
from tests.repository.lineage.steps import INPUTS, RAW, Processed, command, make_steps_night, process

from gnomon.errors import CollectionNotFoundError, FormatError, LineageError, LineageNotFoundError
from gnomon.measurements import Measurement
from gnomon.measurements.quick_yaml import read_values
from gnomon.repository.harvest import harvest
from gnomon.repository.lineage import Dataset, Edge, Lineage, open_lineage
from gnomon.repository.lineage.gathering import Recorded, gather, record_graph
from gnomon.repository.lineage.graph_files import read_graph
from gnomon.repository.lineage.input_tables import InputTable, edges_from_table
from gnomon.repository.lineage.on_the_fly import passing_lineage
from gnomon.repository.lineage.put_provenance import KEY, from_flat, in_file, provenance_text
from gnomon.store import open_store

pytestmark = pytest.mark.xdist_group("lineage")

MADE = ("calibrated", "metricvalue_lineage_stars", "metricbundle_lineage_all")
NIGHT = 20260301


@pytest.fixture
def butler(processed: Processed) -> Iterator[Butler]:
    with processed.butler() as opened:
        yield opened


def kinds(lineage: Lineage, child: uuid.UUID) -> dict[uuid.UUID, set[str]]:
    """Give what a dataset was directly made from, and how that is known."""
    found: dict[uuid.UUID, set[str]] = {}
    for _, parent, kind, _, _ in lineage.edges([child]).iter_rows():
        found.setdefault(uuid.UUID(bytes=parent), set()).add(kind)
    return found


def test_files_tell_what_was_read_and_what_the_task_says_it_used(
    processed: Processed, butler: Butler, lineage: Lineage
) -> None:
    report = gather(butler, lineage, collections=processed.run)
    raws, calibrated = processed.ids(RAW, collections=INPUTS), processed.ids("calibrated")
    assert (report.files, report.graphs, report.not_read) == (3 * len(raws) + 2, 0, [])
    for dataset_type, inputs in zip(MADE, (raws, calibrated, calibrated), strict=True):
        for visit, identifier in processed.ids(dataset_type).items():
            assert kinds(lineage, identifier) == {inputs[visit]: {"read"}}
    stacked, table = processed.ids("stacked")[NIGHT], processed.ids("stacked_inputs")[NIGHT]
    assert kinds(lineage, stacked) == {
        identifier: {"read", "used"} if visit % 2 else {"read"} for visit, identifier in calibrated.items()
    }
    # It declared what it used for the stack alone.
    assert kinds(lineage, table) == {identifier: {"read"} for identifier in calibrated.values()}
    named = lineage.datasets([raws[visit] for visit in sorted(raws)])
    assert set(named["dataset_type"]) == {RAW}
    assert [json.loads(text)["visit"] for text in named["data_id"]] != []


def test_what_was_read_once_is_not_read_again_unless_asked_for(
    processed: Processed, butler: Butler, lineage: Lineage
) -> None:
    first = gather(butler, lineage, collections=["steps"])
    again = gather(butler, lineage, collections=["steps"])
    assert (again.files, again.known, again.edges, again.datasets) == (0, first.files, 0, 0)
    reread = gather(butler, lineage, collections=["steps"], reread=True)
    assert (reread.files, reread.edges) == (first.files, 0)


def test_the_order_of_the_sources_makes_no_difference(
    processed: Processed, butler: Butler, tmp_path: Path
) -> None:
    assert processed.finished is not None
    sources: list[Callable[[Lineage], Recorded]] = [
        lambda lineage: gather(butler, lineage, collections=processed.run),
        lambda lineage: record_graph(lineage, str(processed.finished)),
        lambda lineage: record_graph(lineage, str(processed.predicted)),
    ]
    found: list[Any] = []
    for order in (sources, sources[::-1]):
        with open_lineage(tmp_path / f"{len(found)}.db") as lineage:
            for source in order:
                source(lineage)
            every = [*processed.ids("stacked").values(), *processed.ids("calibrated").values()]
            found.append((lineage.edges(every).rows(), lineage.datasets(every).rows(), lineage.counts()))
    assert found[0] == found[1]
    assert {"predicted", "read", "used"} == {row[2] for row in found[0][0]}
    # All three name the same quanta, whose tasks the graphs know.
    assert {row[4] for row in found[0][0]} == {"calibrate", "stack"}


def neighbours(graph: Any) -> set[tuple[uuid.UUID, uuid.UUID]]:
    """Give all pairs of output and input in a graph of the middleware's."""
    datasets = {node for node, data in graph.nodes(data=True) if "dataset_type_name" in data}
    return {
        (output, given)
        for quantum in set(graph) - datasets
        for output in graph.successors(quantum)
        for given in graph.predecessors(quantum)
    }


def test_a_graph_says_what_the_middleware_reads_in_it(processed: Processed) -> None:
    found = read_graph(str(processed.predicted))
    whole = PredictedQuantumGraph.open(str(processed.predicted))
    with whole as reader:
        reader.read_all()
        expected = neighbours(reader.finish().bipartite_xgraph)
    pairs = {
        (uuid.UUID(bytes=c), uuid.UUID(bytes=p)) for c, p in found.edges.select("child", "parent").rows()
    }
    assert pairs == expected
    assert not found.finished
    assert set(found.edges["kind"]) == {"predicted"}


def test_the_graph_of_a_finished_run_says_what_was_made(processed: Processed) -> None:
    assert processed.finished is not None
    found = read_graph(str(processed.finished))
    with ProvenanceQuantumGraphReader.open(str(processed.finished)) as reader:
        reader.read_full_graph()
        expected = neighbours(reader.graph.bipartite_xgraph)
    pairs = {
        (uuid.UUID(bytes=c), uuid.UUID(bytes=p)) for c, p in found.edges.select("child", "parent").rows()
    }
    assert pairs == expected
    assert found.finished
    named = dict(found.datasets.select("dataset", "data_id").rows())
    raws = processed.ids(RAW, collections=INPUTS)
    assert {json.loads(named[one.bytes])["visit"] for one in raws.values()} == set(raws)


def test_a_table_of_inputs_says_what_was_used(processed: Processed, butler: Butler, lineage: Lineage) -> None:
    assert processed.finished is not None
    record_graph(lineage, str(processed.finished))
    report = gather(
        butler, lineage, collections=processed.run, input_tables=[InputTable.parse("stacked=stacked_inputs")]
    )
    assert (report.tables, report.not_read) == (1, [])
    calibrated = processed.ids("calibrated")
    assert kinds(lineage, processed.ids("stacked")[NIGHT]) == {
        one: {"predicted", "read", "used"} if visit % 2 else {"predicted", "read"}
        for visit, one in calibrated.items()
    }


def test_rows_stand_for_parents_that_agree_with_them_in_every_dimension(lineage: Lineage) -> None:
    coadd, *parents = (uuid.UUID(int=n) for n in range(1, 8))
    visit: dict[str, int | str] = {"instrument": "A", "visit": 1, "band": "r"}
    data_ids: list[dict[str, int | str]] = [
        visit | {"detector": 3},
        visit | {"detector": 4},
        visit | {"detector": 3, "visit": 2},
        visit,
        {"instrument": "A", "detector": 3},
        {"instrument": "B", "visit": 1, "detector": 3},
    ]
    types = ["calexp", "calexp", "calexp", "summary", "flat", "calexp"]
    lineage.record(
        [Edge(coadd, parent, "predicted") for parent in parents],
        datasets=[
            Dataset(parent, name, data_id)
            for parent, name, data_id in zip(parents, types, data_ids, strict=True)
        ],
    )
    rows = Table({"instrument": ["A"], "visit": [1], "detector": [3], "band": ["r"], "weight": [0.5]})
    found = edges_from_table(lineage, coadd.bytes, rows)
    assert found["parent"].to_list() == [parents[0].bytes]
    assert found["kind"].to_list() == ["used"]
    by_uuid = edges_from_table(lineage, coadd.bytes, {"dataset_id": [str(parents[3]), str(uuid.uuid4())]})
    assert by_uuid["parent"].to_list() == [parents[3].bytes]
    assert edges_from_table(lineage, coadd.bytes, rows, inputs=["summary"]).is_empty()
    with pytest.raises(LineageError, match="weight"):
        edges_from_table(lineage, coadd.bytes, Table({"weight": [1.0]}))
    with pytest.raises(LineageError, match="'visit' of a table of inputs"):
        edges_from_table(lineage, coadd.bytes, Table({"instrument": ["A"], "visit": ["first"]}))


@pytest.mark.parametrize("text", ["", "coadd", "coadd=", "=inputs", "coadd=:calexp"])
def test_a_pair_of_product_and_table_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LineageError, match="expected is for example"):
        InputTable.parse(text)


def test_a_type_that_is_not_there_is_told_with_the_nearest(
    processed: Processed, butler: Butler, lineage: Lineage
) -> None:
    with pytest.raises(LineageError, match="Did you mean stacked"):
        gather(butler, lineage, collections="steps", input_tables=[InputTable("stackd", "stacked_inputs")])
    with pytest.raises(CollectionNotFoundError, match="Did you mean steps"):
        gather(butler, lineage, collections="step")


def test_a_harvest_records_it_on_the_way(
    processed: Processed, butler: Butler, lineage: Lineage, tmp_path: Path
) -> None:
    report = harvest(butler, open_store(tmp_path / "store"), collections=processed.run, lineage=lineage)
    assert (report.measurements, report.edges, report.lineage_error) == (14, 14, None)
    calibrated = processed.ids("calibrated")
    for dataset_type in MADE[1:]:
        for visit, identifier in processed.ids(dataset_type).items():
            assert kinds(lineage, identifier) == {calibrated[visit]: {"read"}}
    assert gather(butler, lineage, collections=processed.run).known == 14


def test_measurements_are_harvested_where_lineage_cannot_be_recorded(
    processed: Processed, butler: Butler, lineage: Lineage, tmp_path: Path
) -> None:
    lineage.close()
    report = harvest(butler, open_store(tmp_path / "store"), collections=processed.run, lineage=lineage)
    assert report.measurements == 14
    assert "were closed" in (report.lineage_error or "")


def test_what_is_read_from_the_butler_says_nothing_of_it(processed: Processed, butler: Butler) -> None:
    visit = min(processed.ids("calibrated"))
    data_id = {"instrument": "DemoCamera", "visit": visit, "detector": 0}
    single = butler.get("metricvalue_lineage_stars", data_id, collections=processed.run)
    assert (str(single.metric_name), single.quantity.value) == ("lineage.stars", 4)
    assert KEY not in single.notes
    assert KEY not in butler.get("metricbundle_lineage_all", data_id, collections=processed.run).meta


def test_established_readers_pass_over_it(processed: Processed, butler: Butler) -> None:
    ref = butler.query_datasets("metricvalue_lineage_stars", collections=processed.run, explain=False)[0]
    content = butler.getURI(ref).read()

    class Loader(yaml.SafeLoader):
        """Makes a mapping of a measurement, as those do of which the keys are looked up by name."""

    def construct(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor("lsst.verify.Measurement", construct)
    document = yaml.load(content, Loader)
    assert {"metric", "value", "unit", "notes", "blobs", "identifier"} <= document.keys()
    assert read_values(content) is not None
    bundle = butler.query_datasets("metricbundle_lineage_all", collections=processed.run, explain=False)[0]
    assert json.loads(butler.getURI(bundle).read()).keys() == {
        "measurements",
        "blobs",
        "metrics",
        "specs",
        "meta",
    }


def test_an_apostrophe_and_other_letters_come_through_a_file() -> None:
    provenance = DatasetProvenance(quantum_id=uuid.UUID(int=3))
    assert provenance_text(None) is None
    text = provenance_text(provenance)
    assert text is not None
    found = in_file(f"value: 1\n{KEY}: '{text}'\n".encode())
    assert found is not None
    assert (found.inputs, found.quantum) == ((), uuid.UUID(int=3))
    assert in_file(b"value: 1\n") is None


@pytest.mark.parametrize("wrong", ["[]", '{"inputs":[{}]}', '{"inputs":["x"]}', '{"quantum":7}', "nothing"])
def test_provenance_that_is_none_is_told(wrong: str) -> None:
    with pytest.raises(FormatError, match=KEY):
        in_file(f"value: 1\n{KEY}: '{wrong}'\n".encode())


@pytest.mark.parametrize(
    ("declared", "used"),
    [
        (True, True), (1, True), ("true", True), ("coadd", True), ("catalog, coadd", True),
        (False, False), (0, False), ("false", False), ("catalog", False), (None, False),
    ],
)  # fmt: skip
def test_a_declaration_is_true_false_or_the_types_it_is_about(declared: object, used: bool) -> None:
    flat: dict[str, object] = {
        "LSST.BUTLER.ID": str(uuid.UUID(int=1)),
        "LSST.BUTLER.N_INPUTS": 5,
        "LSST.BUTLER.INPUT.0.ID": str(uuid.UUID(int=2)),
    }
    if declared is not None:
        flat["LSST.BUTLER.INPUT.0.USED"] = declared
    found = from_flat(flat)
    assert found is not None
    assert found.dropped == 4
    edges = found.edges(uuid.UUID(int=1), "coadd")
    assert [edge.kind for edge in edges] == (["read", "used"] if used else ["read"])


def test_a_file_that_cannot_be_read_stops_nothing_and_is_tried_again(
    processed: Processed, tmp_path: Path, lineage: Lineage
) -> None:
    root = shutil.copytree(processed.root, tmp_path / "repo")
    with Butler.from_config(str(root)) as butler:
        refs = butler.query_datasets("calibrated", collections=processed.run)
        gone, damaged = (Path(butler.getURI(ref).ospath) for ref in refs[:2])
        content = damaged.read_bytes()
        gone.unlink()
        damaged.write_bytes(content[:50])
        report = gather(butler, lineage, collections=processed.run)
        assert sorted(item.what.split()[1] for item in report.not_read) == sorted(
            str(ref.id) for ref in refs[:2]
        )
        damaged.write_bytes(content)
        again = gather(butler, lineage, collections=processed.run)
        assert (again.files, len(again.not_read)) == (1, 1)


def test_tables_in_an_archive_are_read_too(processed: Processed, tmp_path: Path, lineage: Lineage) -> None:
    root = shutil.copytree(processed.root, tmp_path / "repo")
    with Butler.from_config(str(root), writeable=True) as butler:
        refs = butler.query_datasets("calibrated", collections=processed.run)
        archive = butler.retrieve_artifacts_zip(refs, tmp_path / "out")
        butler.pruneDatasets(refs, disassociate=True, purge=True, unstore=True)
        butler.ingest_zip(archive, transfer="copy")
        assert gather(butler, lineage, collections=processed.run).not_read == []
    raws = processed.ids(RAW, collections=INPUTS)
    for visit, identifier in processed.ids("calibrated").items():
        assert kinds(lineage, identifier) == {raws[visit]: {"read"}}


def test_what_was_removed_is_still_named(processed: Processed, tmp_path: Path, lineage: Lineage) -> None:
    root = shutil.copytree(processed.root, tmp_path / "repo")
    calibrated = processed.ids("calibrated")
    with Butler.from_config(str(root), writeable=True) as butler:
        refs = butler.query_datasets("calibrated", collections=processed.run)
        butler.pruneDatasets(refs, disassociate=True, purge=True, unstore=True)
        gather(butler, lineage, collections=processed.run)
    # Tables that were stacked do not give the data IDs of what they were stacked from; measurements do.
    named = {row[0]: row[1:] for row in lineage.datasets(calibrated.values()).iter_rows()}
    for visit, identifier in calibrated.items():
        dataset_type, data_id, run = named[identifier.bytes]
        assert (dataset_type, run, json.loads(data_id)["visit"]) == ("calibrated", processed.run, visit)


def test_a_graph_among_the_datasets_of_a_run_is_read_once(
    processed: Processed, tmp_path: Path, lineage: Lineage
) -> None:
    root = with_graph(processed, tmp_path)
    with Butler.from_config(str(root)) as butler:
        first = gather(butler, lineage, collections=processed.run)
        again = gather(butler, lineage, collections=processed.run)
    assert (first.graphs, again.graphs) == (1, 0)
    assert (
        "predicted"
        in kinds(lineage, processed.ids("stacked")[NIGHT])[min(processed.ids("calibrated").items())[1]]
    )


def with_graph(processed: Processed, folder: Path) -> Path:
    """Copy the repository, and take the graph of the run into it."""
    root = shutil.copytree(processed.root, folder / "repo")
    command(butler_command, "ingest-graph", str(root), str(processed.finished), "-t", "copy")
    return root


@pytest.mark.long
def test_without_a_record_the_graph_of_the_run_answers(processed: Processed, tmp_path: Path) -> None:
    root = with_graph(processed, tmp_path)
    stacked, raws = processed.ids("stacked")[NIGHT], processed.ids(RAW, collections=INPUTS)
    with Butler.from_config(str(root)) as butler:
        with passing_lineage(butler, stacked) as passing:
            assert set(passing.ancestors([stacked])["ancestor"]) >= {one.bytes for one in raws.values()}
        with passing_lineage(butler, raws[min(raws)], down=True) as passing:
            assert stacked.bytes in set(passing.descendants([raws[min(raws)]])["descendant"])
        with pytest.raises(LineageNotFoundError, match="Neither the repository nor any graph"):
            passing_lineage(butler, uuid.UUID(int=1)).__enter__()


@pytest.mark.parametrize("name", ["nothing.qg", "text.qg", "old.qgraph"])
def test_a_file_that_is_no_graph_is_told(name: str, tmp_path: Path, lineage: Lineage) -> None:
    if name != "nothing.qg":
        (tmp_path / name).write_text("no graph")
    with pytest.raises(LineageError, match=name):
        record_graph(lineage, str(tmp_path / name))
    assert lineage.counts()["edges"] == 0


def test_half_a_graph_is_told_and_nothing_recorded(
    processed: Processed, tmp_path: Path, lineage: Lineage
) -> None:
    half = tmp_path / "half.qg"
    half.write_bytes(processed.predicted.read_bytes()[:-500])
    with pytest.raises(LineageError, match=r"half\.qg cannot be read"):
        record_graph(lineage, str(half))
    assert lineage.counts()["edges"] == 0


@pytest.mark.long
def test_quantum_backed_execution_leaves_the_same(
    processed: Processed, make_night: Callable[..., Table], tmp_path: Path
) -> None:
    backed = process(make_steps_night(make_night, tmp_path), tmp_path, quantum_backed=True)

    def told(one: Processed) -> pl.DataFrame:
        with one.butler() as butler, open_lineage(tmp_path / f"{one is backed}.db") as lineage:
            gather(butler, lineage, collections=one.run)
            every = [i for name in (*MADE, "stacked", "stacked_inputs") for i in one.ids(name).values()]
            edges = lineage.edges(every)
            ends = pl.concat([edges["child"], edges["parent"]]).unique()
            names = lineage.datasets(ends.to_list()).select(
                "dataset", pl.concat_str("dataset_type", "data_id", ignore_nulls=True).alias("name")
            )
        return (
            edges.join(names, left_on="child", right_on="dataset")
            .join(names, left_on="parent", right_on="dataset", suffix="_parent")
            .select("name", "name_parent", "kind")
            .sort(pl.all())
        )

    assert told(backed).equals(told(processed))
    assert told(backed).height == 7 + 7 + 7 + 7 + 4 + 7


def test_a_measurement_outside_of_any_task_says_nothing(tmp_path: Path) -> None:
    from gnomon.repository.formatters import MeasurementFormatter

    measurement = Measurement("a.b")
    made = MeasurementFormatter.add_provenance(
        MeasurementFormatter.__new__(MeasurementFormatter), measurement, provenance=DatasetProvenance()
    )
    assert made is measurement

"""Files in object stores and archives, and what cannot be read there."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from astropy import units as u
from lsst.daf.butler import Butler, Config, DatasetRef, DatasetType
from lsst.resources.s3 import S3ResourcePath
from moto.server import ThreadedMotoServer
from pyarrow import fs

from gnomon.measurements import Measurement
from gnomon.repository.configuration import open_butler
from gnomon.repository.file_places import Place, file_places
from gnomon.repository.file_reading import read_files
from gnomon.repository.harvest import harvest
from gnomon.store import Store, open_store

DETECTORS = 12


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """An object store that runs here; its address."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(object_store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of the test's own."""
    for name, value in {
        "S3_ENDPOINT_URL": object_store,
        "AWS_ACCESS_KEY_ID": "gnomon",
        "AWS_SECRET_ACCESS_KEY": "gnomon",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=object_store).create_bucket(Bucket=name)
    return name


@pytest.fixture
def far(bucket: str, tmp_path: Path) -> Iterator[Butler]:
    """A repository whose files are in the object store, with a measurement of each detector."""
    config = Config({"datastore": {"root": f"s3://{bucket}/files"}})
    Butler.makeRepo(str(tmp_path / "far"), config=config, forceConfigRoot=False)
    with open_butler(tmp_path / "far", writeable=True, run="run") as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Cam"})
        for number in range(DETECTORS):
            butler.registry.insertDimensionData(
                "detector", {"instrument": "Cam", "id": number, "full_name": f"D{number}"}
            )
        kind = DatasetType(
            "metricvalue_demo_d", ("instrument", "detector"), "MetricValue", universe=butler.dimensions
        )
        butler.registry.registerDatasetType(kind)
        for number in range(DETECTORS):
            butler.put(Measurement("demo.d", number * u.mag), kind, instrument="Cam", detector=number)
        assert butler.getURI(refs(butler)[0]).scheme == "s3"
        yield butler


def values(store: Store) -> list[float]:
    return sorted(row["value"] for row in store.load().polars().rows(named=True))


def refs(butler: Butler) -> list[DatasetRef]:
    found = butler.query_datasets("metricvalue_demo_d", "run")
    return sorted(found, key=lambda ref: int(ref.dataId["detector"]))


def test_files_in_an_object_store_are_read(far: Butler, store: Store) -> None:
    report = harvest(far, store, collections="run")
    assert report.unreadable == []
    assert values(store) == list(map(float, range(DETECTORS)))


def test_objects_are_read_by_the_quicker_client_and_by_the_other_where_that_cannot(
    far: Butler, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> bytes:
        raise AssertionError("This takes a millisecond of processor time.")

    with monkeypatch.context() as patch:
        patch.setattr(S3ResourcePath, "read", refuse)
        assert harvest(far, store, collections="run").unreadable == []
    monkeypatch.setattr(fs, "S3FileSystem", refuse)
    other = open_store(tmp_path / "other")
    assert harvest(far, other, collections="run").unreadable == []
    assert values(other) == values(store) == list(map(float, range(DETECTORS)))


def test_what_is_missing_or_broken_in_an_object_store_is_reported_and_stops_nothing(
    far: Butler, store: Store, bucket: str, object_store: str
) -> None:
    client = boto3.client("s3", endpoint_url=object_store)
    lost, broken = refs(far)[3:5]
    client.delete_object(Bucket=bucket, Key=far.getURI(lost).relativeToPathRoot)
    client.put_object(Bucket=bucket, Key=far.getURI(broken).relativeToPathRoot, Body=b"nothing")
    report = harvest(far, store, collections="run")
    reasons = {item.dataset_id: item for item in report.unreadable}
    assert set(reasons) == {str(lost.id), str(broken.id)}
    assert all(item.place.startswith(f"s3://{bucket}/files/run/") for item in report.unreadable)
    assert len(values(store)) == DETECTORS - 2


def test_archives_in_an_object_store_are_read(far: Butler, store: Store, tmp_path: Path) -> None:
    datasets = refs(far)
    archive = far.retrieve_artifacts_zip(datasets, tmp_path / "out")
    far.pruneDatasets(datasets, disassociate=True, unstore=True, purge=True)
    far.ingest_zip(archive, transfer="copy")
    report = harvest(far, store, collections="run")
    assert report.unreadable == []
    assert values(store) == list(map(float, range(DETECTORS)))


def test_an_archive_that_is_gone_or_broken_is_reported_for_each_of_its_datasets(
    butler: Butler, store: Store, put: Callable[..., DatasetRef], visits: list[int], tmp_path: Path
) -> None:
    datasets = [put(visit=visit) for visit in visits[:2]]
    archive = butler.retrieve_artifacts_zip(datasets, tmp_path / "out")
    butler.pruneDatasets(datasets, disassociate=True, unstore=True, purge=True)
    butler.ingest_zip(archive, transfer="copy")
    put(visit=visits[2])
    place = Path(butler.getURI(datasets[0]).ospath)
    place.write_bytes(b"no archive")
    report = harvest(butler, store, collections="run")
    assert len(values(store)) == 1
    assert {item.dataset_id for item in report.unreadable} == {str(ref.id) for ref in datasets}
    assert {item.reason for item in report.unreadable} == {"BadZipFile: File is not a zip file"}
    place.unlink()
    assert len(harvest(butler, store, collections="run").unreadable) == 2


def test_files_that_were_ingested_where_they_were_are_read_there(
    butler: Butler, store: Store, put: Callable[..., DatasetRef], tmp_path: Path
) -> None:
    from lsst.daf.butler import FileDataset

    from gnomon.measurements import to_yaml

    given = tmp_path / "a folder, 100% odd #1" / "given.yaml"
    given.parent.mkdir()
    given.write_bytes(to_yaml(Measurement("demo.visit", 7.0)))
    ref = put()
    butler.pruneDatasets([ref], disassociate=True, unstore=True, purge=True)
    butler.ingest(FileDataset(path=str(given), refs=[ref]), transfer="direct")
    report = harvest(butler, store, collections="run")
    assert report.unreadable == []
    assert values(store) == [7.0]


def test_where_the_quick_ways_to_find_files_are_gone_the_public_one_is_used(
    butler: Butler, put: Callable[..., DatasetRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [put().id.bytes, uuid.uuid4().bytes]
    quick = file_places(butler, ids)
    # What is private to the Butler may be called otherwise in the next version.
    monkeypatch.setattr("gnomon.repository.file_places._recorded", lambda *_: {})
    assert file_places(butler, ids) == quick
    assert quick[0].path is not None
    assert quick[1] == Place(missing="The datastore has no file of it.")


def test_every_file_comes_once_whatever_becomes_of_it(tmp_path: Path) -> None:
    places = []
    for number in range(2_000):
        path = tmp_path / f"{number}"
        if number % 7:
            path.write_text(str(number))
        places.append(Place(str(path)) if number % 5 else Place(missing="nowhere"))

    def make(content: bytes, file: str) -> int:
        number = int(content)
        if number % 11 == 0:
            raise ValueError(file)
        return number

    found = dict(read_files(places, make))
    assert sorted(found) == list(range(2_000))
    for number, outcome in found.items():
        if number % 5 == 0 or number % 7 == 0:
            assert isinstance(outcome, FileNotFoundError)
        elif number % 11 == 0:
            assert isinstance(outcome, ValueError)
        else:
            assert outcome == number

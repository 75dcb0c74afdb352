"""A store in a bucket: everything that there is of a store in a folder, over a server that speaks S3."""

import datetime
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from gnomon.errors import NotOursError, StoreError
from gnomon.measurements.rows import from_records
from gnomon.store import Chain, init_store, open_store

SECRET = "a-secret-that-nobody-may-see"

WRITER = """
import sys
from gnomon.measurements.rows import from_records
from gnomon.store import open_store

store, number = open_store(sys.argv[1]), int(sys.argv[2])
for batch in range(5):
    store.append(
        from_records(
            {
                "dataset_id": (number * 1000 + batch * 100 + i).to_bytes(16),
                "metric": "demo.a",
                "value": 1.0,
                "unit": "",
                "run": "run",
                "dataset_type": "metricvalue_demo_a",
                "instrument": "Cam",
                "visit": i,
            }
            for i in range(20)
        ),
        source=str(number),
    )
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a process of its own: one in this process waits while a library holds the interpreter."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        process.kill()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "gnomon",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


def rows(numbers: range, value: float = 1.0, measured_at: int = 1) -> Any:
    return from_records(
        {
            "dataset_id": number.to_bytes(16),
            "metric": "demo.a",
            "value": value,
            "unit": "",
            "run": "run",
            "dataset_type": "metricvalue_demo_a",
            "instrument": "Cam",
            "visit": number,
            "measured_at": measured_at,
        }
        for number in numbers
    )


def test_a_store_lives_its_whole_life_in_a_bucket(bucket: str, tmp_path: Path) -> None:
    uri = f"s3://{bucket}/some/store"
    assert init_store(uri).is_new
    store = open_store(uri)
    store.append(rows(range(10)), source="first")
    store.append(rows(range(5), 2.0, 2), source="second")
    store.define_chain(Chain("chain", ("run",)))
    assert len(store.load(collections="chain", where="visit < 7")) == 7
    (done,) = store.compact()
    assert (done.rows, done.superseded) == (10, 5)
    assert len(store.history()) == 15
    assert store.check() == []
    at_once: dict[str, Any] = {"grace": datetime.timedelta(0), "alone": True}
    vacuumed = store.vacuum(retention=datetime.timedelta(0), **at_once)
    assert (vacuumed.rows, vacuumed.files) == (5, 3)
    assert len(open_store(uri).load()) == 10
    assert store.export(f"s3://{bucket}/out.parquet", where="visit < 3") == 3
    with pytest.raises(NotOursError):
        store.export(f"s3://{bucket}/out.parquet")
    with store.writer(source="one by one") as writer:
        writer.write(rows(range(90, 91)).to_pylist()[0])
    assert len(store.load()) == 11
    store.drop_runs("run", reason="done")
    assert len(store.load()) == 0
    assert store.status().tables[0].rows == 11
    names = [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert all(name.startswith("some/store/") or name == "out.parquet" for name in names)


@pytest.mark.long
def test_processes_that_append_to_a_bucket_at_once_lose_nothing(bucket: str) -> None:
    uri = f"s3://{bucket}/store"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, uri, str(number)]) for number in range(3)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    found = open_store(uri).load().polars()
    assert len(found) == 300
    assert found["dataset_id"].n_unique() == 300


def test_a_bucket_that_is_not_there_is_told_without_secrets(bucket: str) -> None:
    with pytest.raises(StoreError, match=r"NoSuchBucket|404") as caught:
        open_store(f"s3://no-{bucket}/store").append(rows(range(1)), source="test")
    assert SECRET not in str(caught.value)
    with pytest.raises(StoreError) as refused:
        open_store(f"s3://me:{SECRET}@{bucket}/store")
    assert SECRET not in str(refused.value)


def test_a_damaged_object_is_found(bucket: str) -> None:
    store = open_store(f"s3://{bucket}/store")
    store.append(rows(range(10)), source="test")
    client = boto3.client("s3")
    names = [item["Key"] for item in client.list_objects_v2(Bucket=bucket)["Contents"]]
    (file,) = [name for name in names if name.endswith(".parquet") and "/state=new/" in name]
    client.delete_object(Bucket=bucket, Key=file)
    with pytest.raises(StoreError, match="cannot be read"):
        store.load()
    (finding,) = store.check()
    assert "This file is gone" in str(finding)

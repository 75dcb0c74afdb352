"""What it takes to bring small files into the store from an object store that is 20 ms away.

The repository's registry is on local disk, its files are in an object store. That is a stand-in of this
script: a process that answers the requests of the S3 protocol which reading takes (GET and HEAD of an
object), each 20 ms after it came, any number at a time, from files on disk. A complete simulation such as
moto answers some hundred requests a second, and would be measured in place of the client.

Files are read with ``butler.get`` one by one, as many as take a minute or so, with the Butler's cache as it
is by default, and all of them are harvested. Both are in processes of their own that have done the same with
other files before.

Run it with ``.venv/bin/python benchmarks/harvest_object_store.py [FILES [MILLISECONDS]]``; the default is
30,000 files and 20 ms.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

from lsst.daf.butler import Butler, Config

from gnomon.repository.configuration import enable

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks import harvest as local

BUCKET, SAMPLE = "bench", 600


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, root: Path, delay: float
) -> None:
    """Answer the requests of one connection."""
    try:
        while line := await reader.readline():
            method, target, _ = line.decode().split()
            while (await reader.readline()).strip():
                pass
            path = root / urllib.parse.unquote(target.partition("?")[0]).removeprefix(f"/{BUCKET}/")
            await asyncio.sleep(delay)
            status, body = ("200 OK", path.read_bytes()) if path.is_file() else ("404 Not Found", b"")
            head = (
                f'HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nETag: "x"\r\n'
                "Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\nContent-Type: binary/octet-stream\r\n\r\n"
            )
            writer.write(head.encode() + (body if method == "GET" else b""))
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def serve(root: Path, delay: float) -> None:
    """Serve until killed; say the port first."""
    server = await asyncio.start_server(
        lambda reader, writer: answer(reader, writer, root, delay), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def child(way: str, folder: Path) -> None:
    """Do one of the ways in this process and print its figures."""
    if way == "get":
        local.get_one_by_one(folder / "repo", "warm", 50)
        figures = local.timed(local.get_one_by_one, folder / "repo", "run", SAMPLE)
    else:
        local.harvest_all(folder / "repo", "warm", folder / "warm")
        figures = local.timed(local.harvest_all, folder / "repo", "run", folder / "store")
    print(json.dumps(figures))


def main() -> None:
    """Print the figures."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    delay = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        objects = folder / "objects"
        objects.mkdir()
        enable()
        config = Config({"datastore": {"root": f"s3://{BUCKET}/"}})
        Butler.makeRepo(str(folder / "repo"), config=config, forceConfigRoot=False)
        command = [sys.executable, __file__]
        with subprocess.Popen(
            [*command, "--serve", str(objects), str(delay / 1000)], stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            os.environ |= {
                "S3_ENDPOINT_URL": f"http://127.0.0.1:{server.stdout.readline().strip()}",
                "AWS_ACCESS_KEY_ID": "none",
                "AWS_SECRET_ACCESS_KEY": "none",
                "AWS_DEFAULT_REGION": "us-east-1",
            }
            for run, count in (("run", files), ("warm", local.WARM)):
                local.make_repository(folder / "repo", "ours", count, run=run, root=str(objects))
            found = {}
            for way in ("get", "harvest"):
                output = subprocess.run(
                    [*command, "--child", way, str(folder)], check=True, stdout=subprocess.PIPE, text=True
                ).stdout
                found[way] = json.loads(output)
            server.kill()
    print(f"files in an object store {delay:g} ms away")
    for way, (count, cpu, wall) in found.items():
        print(
            f"  {way:8} {count:6} files: CPU {cpu / count * 1e3:6.3f} ms each, "
            f"wall {wall:7.2f} s, {wall / count * 1e3:6.3f} ms each"
        )
    each = {way: wall / count for way, (count, _, wall) in found.items()}
    print(f"  harvest is {each['get'] / each['harvest']:.1f} times quicker in wall time")


if __name__ == "__main__":
    match sys.argv[1:2]:
        case ["--serve"]:
            asyncio.run(serve(Path(sys.argv[2]), float(sys.argv[3])))
        case ["--child"]:
            child(sys.argv[2], Path(sys.argv[3]))
        case _:
            main()

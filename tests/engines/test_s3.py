"""`extract` on s3://, which goes through Beam's file system as all do but local disks and gs://."""

import contextlib
import functools
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob
from tests.engines.bucket import free_port
from tests.pipelines.logs import ITEMS, LOG, parquet

pytestmark = pytest.mark.engines

SECONDS_TO_START = 60
MODULES = ("boto3", "flask", "flask_cors", "moto")
BUCKET = "bucket"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator of S3, as a process of its own."""
    missing = [name for name in MODULES if find_spec(name) is None]
    if missing:
        pytest.fail(f"{', '.join(missing)} not installed: pip install '.[aws,engines]'", pytrace=False)
    port, log = free_port(), tmp_path_factory.mktemp("moto") / "log"
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "moto.server", f"-p{port}"], stdout=output, stderr=output)
    try:
        give_up = time.monotonic() + SECONDS_TO_START
        while not _responds(url):
            if process.poll() is not None or time.monotonic() > give_up:
                pytest.fail(f"the emulator does not start: {log.read_text()}")
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def _responds(url: str) -> bool:
    with contextlib.suppress(OSError), urlopen(f"{url}/moto-api/", timeout=5) as response:
        return bool(response.status == 200)
    return False


@pytest.fixture(scope="module", autouse=True)
def _descriptions_read_once() -> Iterator[None]:
    """Beam makes a client for each call of S3, and a client of boto3 reads the description of the whole service."""
    from botocore.loaders import JSONFileLoader

    loader = JSONFileLoader()
    read = functools.cache(loader.load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


@pytest.fixture
def client(server: str) -> Any:
    """S3 itself, to look past Beam."""
    import boto3

    made = boto3.client(
        "s3", endpoint_url=server, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )
    made.create_bucket(Bucket=BUCKET)
    made.put_object(Bucket=BUCKET, Key="log/day=1/rows.parquet", Body=parquet(LOG))
    made.put_object(Bucket=BUCKET, Key="items.parquet", Body=parquet(ITEMS))
    return made


@pytest.fixture
def options(server: str, client: Any) -> list[str]:
    """The options for inputs in the bucket, and those of Beam for the server."""
    beam = [
        f"--s3_endpoint_url={server}",
        "--s3_access_key_id=a",
        "--s3_secret_access_key=b",
        "--s3_region_name=us-east-1",
    ]
    paths = [f"--interactions=s3://{BUCKET}/log", f"--items=s3://{BUCKET}/items.parquet"]
    return [*paths, "--parts=1", "--runner=FnApiRunner", *beam]


def files(client: Any, prefix: str) -> dict[str, bytes]:
    listed = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
    bodies = {entry["Key"]: client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read() for entry in listed}
    return {name.removeprefix(f"{prefix}/"): content for name, content in bodies.items()}


def test_as_on_a_local_disk(client: Any, options: list[str], tmp_path: Path) -> None:
    """Also where a version is continued and replaced."""
    workspace = f"s3://{BUCKET}/out"
    for number, following in enumerate((["--max_terms=1"], [f"--previous={workspace}"])):
        local = tmp_path / str(number)
        assert run_job(ExtractJob, [*options, *following, f"--workspace={local}"]) == 0
        assert run_job(ExtractJob, [*options, *following, f"--workspace={workspace}"]) == 0
        expected = {str(path.relative_to(local)): path.read_bytes() for path in local.rglob("*") if path.is_file()}
        assert files(client, "out") == expected


def test_what_is_not_there(client: Any, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for given, message in (
        (f"--items=s3://{BUCKET}/nothing", f"--items: no such file or folder: 's3://{BUCKET}/nothing'\n"),
        ("--workspace=s3://nowhere/out", "--workspace: cannot write in 's3://nowhere/out': "),
    ):
        assert run_job(ExtractJob, [*options, f"--workspace=s3://{BUCKET}/out", given]) == 2
        assert f"extract: {message}" in capsys.readouterr().err

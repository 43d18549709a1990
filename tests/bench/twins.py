"""How long the Marketo twin takes to load many leads and to extract them, and how much memory it then holds.

`python -m tests.bench.twins --leads 1000000` prints one line a step: seconds of the step as the client sees it, and
resident megabytes of the twin's process at its end. Linux only, as it reads /proc.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from tests.twins import running_twins

SECONDS = 1_800
FIELDS = ["id", "email", "firstName", "lastName", "company", "title", "leadScore", "createdAt", "updatedAt", "notes"]


class Steps:
    """Times steps against one twin and prints them."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")

    def megabytes(self, name: str) -> int:
        """Give a figure of the process in MB: VmRSS now, VmHWM at its highest."""
        line = next(each for each in self._status.read_text().splitlines() if each.startswith(name))
        return int(line.split()[1]) // 1_024

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        begun = time.perf_counter()
        yield
        seconds = time.perf_counter() - begun
        print(f"{name:<44} {seconds:8.1f} s  {self.megabytes('VmRSS'):>6} MB", flush=True)


def log_in(http: httpx.Client) -> None:
    """Fetch a token and send it from now on; calls take no artificial time."""
    known = http.get("/_sim/credentials").json()
    query = {"grant_type": "client_credentials"} | {name: known[name] for name in ("client_id", "client_secret")}
    http.headers["Authorization"] = f"Bearer {http.get('/identity/oauth/token', params=query).json()['access_token']}"
    http.post("/_sim/limits", json={"latency_seconds": 0}).raise_for_status()


def lines(count: int) -> Iterator[bytes]:
    """Give records as lines, in pieces as a file would come."""
    for start in range(0, count, 1_000):
        records = (
            {"email": f"n.{n}@example.com", "lastName": f"Ng {n}", "leadScore": n % 100}
            for n in range(start, min(start + 1_000, count))
        )
        yield "".join(f"{json.dumps(each)}\n" for each in records).encode()


def extract(http: httpx.Client) -> str:
    """Make and enqueue a job for everything of the last days, and give its id."""
    now = datetime.fromisoformat(http.get("/_sim/clock").json()["now"])
    span = [f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (now - timedelta(days=30, hours=12), now)]
    body = {"fields": FIELDS, "filter": {"createdAt": {"startAt": span[0], "endAt": span[1]}}}
    made = http.post("/bulk/v1/leads/export/create.json", json=body).json()
    job: str = made["result"][0]["exportId"]
    http.post(f"/bulk/v1/leads/export/{job}/enqueue.json").raise_for_status()
    http.post("/_sim/clock", json={"advance_seconds": 61}).raise_for_status()
    return job


def main() -> int:
    """Run the steps."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.twins", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    count = parser.parse_args().leads
    with (
        running_twins("--only", "marketo", "--seed", "1") as (process, ready),
        httpx.Client(base_url=ready["marketo_url"], timeout=SECONDS) as http,
    ):
        steps = Steps(process.pid)
        log_in(http)
        with steps.step(f"made up and loaded {count:,} leads"):
            request = {"generate": {"object": "leads", "count": count, "seed": 1}}
            http.post("/_sim/load", json=request).raise_for_status()
        job = extract(http)
        with steps.step("wrote the extract"):
            [status] = http.get(f"/bulk/v1/leads/export/{job}/status.json").json()["result"]
        digest, size = hashlib.sha256(), 0
        with (
            steps.step(f"sent its {status['fileSize']:,} bytes"),
            http.stream("GET", f"/bulk/v1/leads/export/{job}/file.json") as file,
        ):
            for piece in file.iter_bytes():
                digest.update(piece)
                size += len(piece)
        http.post("/_sim/reset").raise_for_status()
        with steps.step(f"loaded {count:,} leads as lines"):
            kind = {"Content-Type": "application/x-ndjson"}
            http.post("/_sim/load?object=leads", content=lines(count), headers=kind).raise_for_status()
        whole = (size, f"sha256:{digest.hexdigest()}", count)
        same = whole == (status["fileSize"], status["fileChecksum"], status["numberOfRecords"])
        print(f"rows, size and checksum as announced: {same}; most memory ever {steps.megabytes('VmHWM')} MB")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

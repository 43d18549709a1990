"""One extract through the product's client: download, checksum, rows, mapping, parts. Prints what it took.

`python -m tests.bench.extract_worker ANNOUNCED` with the line that `tests.bench.extracts` printed.
"""

import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from leadbridge.files.parts import RefusedRow
from leadbridge.files.rows import Expected, Rows
from leadbridge.vendors.http.transport import HttpSettings, build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from tests.bench.bulk_files import load
from tests.fakes.limits import NoLimit


def main() -> None:
    """Load the extract and tell rows, parts and the process's highest memory in megabytes."""
    announced: dict[str, Any] = json.loads(sys.argv[1])
    before = peak_megabytes()
    with build_http_client() as http, tempfile.TemporaryDirectory(prefix="leadbridge-extract-") as folder:
        settings = HttpSettings(
            client=http,
            clock=lambda: datetime.now(UTC),
            sleep=time.sleep,
            allowed_hosts=frozenset({urlsplit(announced["url"]).netloc}),
        )
        client = MarketoClient(settings, base_url=announced["url"], credentials=_credentials, limiter=NoLimit())
        expected = Expected(size=announced["size"], sha256=announced["sha256"], rows=announced["rows"])
        rows = Rows(client.bulk.lead_exports.whole_file("bench"), expected=expected)
        refused: list[RefusedRow] = []
        parts = load(rows, Path(folder), refused)
    told = {
        "rows": rows.count,
        "proven": sorted(rows.proven),
        "written": sum(part.rows for part in parts),
        "refused": len(refused),
        "parts": len(parts),
        "bytes": sum(part.size for part in parts),
        "peak_before": before,
        "peak": peak_megabytes(),
    }
    print(json.dumps(told))


def peak_megabytes() -> float:
    """The most memory that this process has held; getrusage would count its parent's before the start too."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _credentials(*, fresh: bool = False) -> Credentials:
    return Credentials("bench", "bench")


if __name__ == "__main__":
    main()

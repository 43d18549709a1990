"""What a cold start imports and builds, from the packaged artifact, as a ratio to boto3 with one client."""

import compileall
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.stack import ROOT, build
from tests.bench.report import Figure, spread
from tests.integration.test_layer_artifact import RUNTIME_PACKAGES, Artifact, environment, packaged
from tests.unit.test_template import FUNCTIONS

MOST_RECEIVE, MOST_WORKER, LEAST_EAGER = 1.1, 2.2, 5.0
FLOOR = "boto3 + 1 client"
EAGER = "everything at once, as plain sam build ships it"
EAGER_WITHOUT_BOTO3 = "the same with the runtime's compiled boto3"
PROCESS_SECONDS = 120
LAYERS = ("CommonLayer", "LibrariesLayer")
#: what a start of each function does: its module, and everything it would build at the first event
STARTS = {
    "ReceiveActionFunction": "import app; from leadbridge.receiving import from_environment; from_environment()",
    "StoreEventsFunction": "import app; from leadbridge import wiring; wiring.store_events()",
    "RunActionsFunction": "import app; from leadbridge import wiring; wiring.drain_lane()",
    "SweepFunction": "import app; from leadbridge import wiring; wiring.sweep()",
}
_BEGIN = "from time import perf_counter, process_time; begun = process_time(), perf_counter()"
_END = "print((process_time() - begun[0]) * 1000, (perf_counter() - begun[1]) * 1000)"
REFERENCE = "import boto3; boto3.client('sqs')"
_EAGER_LIBRARIES = (
    *("boto3", "httpx", "pydantic", "aws_lambda_powertools", "aws_lambda_powertools.metrics"),
    *(f"aws_lambda_powertools.utilities.{name}" for name in ("batch", "typing", "data_classes", "parameters")),
    *("aws_lambda_powertools.utilities.idempotency", "aws_lambda_powertools.utilities.parser"),
)
# in Lambda the credentials are in the environment; without any, boto3 would look for them in the network
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_SESSION_TOKEN": "made-up"}


@dataclass(frozen=True, slots=True)
class Start:
    """Code to run in a fresh process that sees these folders and the standard library, nothing else."""

    folders: Sequence[str]
    code: str
    function: str

    def run(self, *flags: str, after: str = "") -> subprocess.CompletedProcess[str]:
        """Run it; `after` follows in the same process.

        Raises:
            CalledProcessError: It did not end well.
        """
        program = f"import sys; sys.path.extend({list(self.folders)!r})\n{self.code}\n{after}"
        return subprocess.run(
            [sys.executable, "-I", "-S", *flags, "-c", program],
            env={**environment(self.function), **_CREDENTIALS},
            cwd=self.folders[0],
            capture_output=True,
            text=True,
            timeout=PROCESS_SECONDS,
            check=True,
        )

    def milliseconds(self) -> tuple[float, float]:
        """Processor time and wall time of the code in a fresh process, the start of the interpreter not counted."""
        timed = Start(self.folders, f"{_BEGIN}\n{self.code}", self.function)
        processor, wall = timed.run("-B", after=_END).stdout.split()[-2:]
        return float(processor), float(wall)

    def modules(self) -> set[str]:
        """The modules that are loaded at the end."""
        return set(self.run("-B", after="print('\\n'.join(sys.modules))").stdout.split())

    def compiled_sources(self) -> list[str]:
        """Sources that had to be compiled for want of usable bytecode."""
        return re.findall(r"^# code object from ([^'].*\.py)$", self.run("-B", "-v").stderr, re.MULTILINE)


@contextmanager
def artifact() -> Iterator[Artifact]:
    """The repository as it is deployed, built and packaged for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="leadbridge-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        built = build(ROOT, home / "built", home / "build.log")
        result = Artifact(home / "functions", home / "layers", home / "runtime")
        result.runtime.mkdir()
        for name in RUNTIME_PACKAGES:
            _copy(Path(sysconfig.get_path("purelib")) / name, result.runtime / name)
        # as in the managed runtime, which brings its own packages with their bytecode
        compileall.compile_dir(result.runtime, quiet=2)
        for name in FUNCTIONS:
            packaged(built / name, result.functions / name)
        for name in LAYERS:
            packaged(built / name, result.layers / name)
        yield result


def starts(built: Artifact) -> dict[str, Start]:
    """The start of each function."""
    return {name: Start(built.search_path(name), code, name) for name, code in STARTS.items()}


def reference(built: Artifact) -> Start:
    """boto3 and one client, as the runtime brings it."""
    return Start([str(built.runtime)], REFERENCE, "ReceiveActionFunction")


def eager(built: Artifact, folder: Path, *, ships_boto3: bool) -> Start:
    """Everything imported at once from one folder without bytecode, as `sam build` by itself makes it."""
    flat = folder / f"eager-{ships_boto3}"
    for layer in sorted(built.layers.iterdir()):
        shutil.copytree(layer / "python", flat, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    if ships_boto3:
        for name in RUNTIME_PACKAGES:
            _copy(built.runtime / name, flat / name)
    package = ROOT / "layers/common/python"
    ours = [
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((package / "leadbridge").rglob("*.py"))
    ]
    code = f"import {', '.join([*_EAGER_LIBRARIES, *ours])}\nfrom leadbridge import wiring; wiring.drain_lane()"
    return Start([str(flat), str(built.runtime)], code, "RunActionsFunction")


def _copy(source: Path, target: Path) -> None:
    """Copy a module or package without bytecode."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def figure(*, rounds: int) -> Figure:
    """Figure 3: every kind of start in turn, each time in a fresh process."""
    result = Figure(title="imports of the packaged artifact", size=f"{rounds} fresh processes of each kind, in turn")
    with artifact() as built, tempfile.TemporaryDirectory(prefix="leadbridge-bench-") as folder:
        kinds = {FLOOR: reference(built), **starts(built)}
        kinds[EAGER] = eager(built, Path(folder), ships_boto3=True)
        kinds[EAGER_WITHOUT_BOTO3] = eager(built, Path(folder), ships_boto3=False)
        times: dict[str, list[float]] = {name: [] for name in kinds}
        walls: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(rounds):
            for name, start in kinds.items():
                processor, wall = start.milliseconds()
                times[name].append(processor)
                walls[name].append(wall)
        compiled = {name: len(start.compiled_sources()) for name, start in kinds.items()}
    medians = {name: statistics.median(each) for name, each in times.items()}
    waited = {name: statistics.median(each) for name, each in walls.items()}
    for name, each in times.items():
        result.add(f"{name}: processor {spread(each)}, wall median {waited[name]:.1f} ms, {compiled[name]} compiled")
    for name in STARTS:
        most = MOST_RECEIVE if name == "ReceiveActionFunction" else MOST_WORKER
        result.bound(f"{name} / {FLOOR}", medians[name] / medians[FLOOR], most=most)
        result.add(f"  by wall time {waited[name] / waited[FLOOR]:.2f}")
        result.bound(f"{name}: sources compiled", compiled[name], most=0)
    for name in (EAGER, EAGER_WITHOUT_BOTO3):
        ratio = medians[name] / medians["ReceiveActionFunction"]
        if name == EAGER:
            result.bound(f"{name} / ReceiveActionFunction", ratio, least=LEAST_EAGER)
        else:
            result.add(f"{name} / ReceiveActionFunction: {ratio:.2f}")
    return result

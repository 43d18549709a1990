"""The local stack: both vendor simulators, and template.yaml deployed to an emulator that enforces every IAM policy."""

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from devstack import uploads
from devstack.processes import Guard, NotReadyError, Process, children, free_port, guard

ROOT = Path(__file__).parents[1]
REGION = "us-east-1"
STAGE = "local"
STACK_NAME = "leadbridge"
#: what a local stack sets differently; everything a person waits for is a matter of seconds
PARAMETERS: Mapping[str, str] = {
    "Stage": STAGE,
    "DeletionProtection": "false",
    "RetrySeconds": "1",
    "SettleSeconds": "3",
    "LeaseSeconds": "10",
    "VisibilitySeconds": "10",
    "BulkPollSeconds": "1",
    "AnnouncedLookSeconds": "1",
}
#: the emulator takes this key as the root of its one account
ROOT_CREDENTIALS: Mapping[str, str] = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
#: setting: the port to prefer for the emulator
PORT_SETTING = "LEADBRIDGE_PORT"
#: setting: an environment that holds ministack, instead of .local/ministack
MINISTACK_SETTING = "LEADBRIDGE_MINISTACK"
#: the last part of a function's logical id and of its output
FUNCTIONS: Mapping[str, str] = {
    "receive_action": "ReceiveActionFunctionName",
    "answer_inline": "AnswerInlineFunctionName",
    "flow_step": "FlowStepFunctionName",
    "receive_outbound_message": "ReceiveOutboundMessageFunctionName",
    "hear_of_changes": "HearOfChangesFunctionName",
    "call_back": "CallBackFunctionName",
    "store_events": "StoreEventsFunctionName",
    "run_actions": "RunActionsFunctionName",
    "sweep": "SweepFunctionName",
    "recover_calls": "RecoverCallsFunctionName",
    "run_bulk_step": "RunBulkStepFunctionName",
    "run_sync_step": "RunSyncStepFunctionName",
    "run_cycle_step": "RunCycleStepFunctionName",
    "start_sync": "StartSyncFunctionName",
    "send_alerts": "SendAlertsFunctionName",
    "forget_person": "ForgetPersonFunctionName",
    "admin_api": "AdminApiFunctionName",
    "console": "ConsoleFunctionName",
}
#: file of the log folder in which the emulator notes what roles did
PERMISSIONS_LOG = "permissions.jsonl"
START_SECONDS = 60.0
TOOL_SECONDS = 300.0
_ARTIFACTS_BUCKET = "artifacts"
#: file among the artifacts that names what they were built from
_SOURCES = "sources"
_BUILT_FROM = ("functions", "layers", "statemachines")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info", ".*")

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds that each step of the start took."""

    simulators: float
    emulator: float
    build: float
    deploy: float


@dataclass(kw_only=True)
class Stack:
    """A deployed local stack."""

    endpoint_url: str
    outputs: dict[str, str]
    #: what the simulators printed: URLs and credentials
    simulators: dict[str, Any]
    log_dir: Path
    stack_name: str = STACK_NAME
    region: str = REGION
    timings: Timings | None = None
    _emulator: Process = field(repr=False)
    _uses: Path = field(repr=False)
    _deploy: Callable[[Mapping[str, str]], dict[str, str]] = field(repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def session(self) -> boto3.Session:
        """A session with the rights of the account's root; its clients need `endpoint_url`."""
        return boto3.Session(
            aws_access_key_id=ROOT_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ROOT_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=self.region,
        )

    def client(self, service: str) -> Any:
        """A client of this stack's emulator with the rights of the account's root; one of each, closed at the end."""
        if service not in self._clients:
            make: Callable[..., Any] = self.session.client
            config = Config(proxies={}, max_pool_connections=50)
            self._clients[service] = make(service, endpoint_url=self.endpoint_url, config=config)
        return self._clients[service]

    def close(self) -> None:
        """Let go of every connection to the emulator."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    @property
    def webhook_url(self) -> str:
        """Address of the webhooks; a slash and the id of an Action follow."""
        return f"{self.outputs['ApiUrl']}/actions"

    def deploy(self, **parameters: str) -> dict[str, str]:
        """Deploy what was built once more, as a second `sam deploy` would, and give the outputs."""
        self.outputs.update(self._deploy(parameters))
        return self.outputs

    def worker_pids(self, function: str) -> list[int]:
        """The processes that run a function (`run_actions`), each one Lambda execution environment."""
        marker = f"ministack-lambda-{self.outputs[FUNCTIONS[function]]}-"
        return [pid for pid, command in children(self._emulator.pid) if marker in command]

    def function_logs(self, function: str) -> list[str]:
        """Every log line of a function, oldest invocation first, with Lambda's START, END and REPORT lines."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=self.outputs[FUNCTIONS[function]])
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=configuration["LoggingConfig"]["LogGroup"])
        )
        return [event["message"] for page in pages for event in page["events"]]

    def permissions_used(self) -> list[dict[str, str]]:
        """What roles did so far, each combination once: role, action, resource, and the emulator's decision."""
        lines = self._uses.read_text("utf-8").splitlines() if self._uses.exists() else []
        return [json.loads(line) for line in lines]

    def emulator_log(self) -> str:
        """What the emulator itself wrote, for failure messages."""
        return self._emulator.tail(200)


@contextmanager
def up(
    *,
    parameters: Mapping[str, str] | None = None,
    simulators: Sequence[str | Path] | None = None,
    source: Path = ROOT,
    functions_endpoint: str = "",
    by_sam: bool = False,
    say: Say = lambda _: None,
) -> Iterator[Stack]:
    """Start everything, deploy, give the stack, and leave nothing behind.

    Args:
        parameters: Template parameters besides those of every local stack.
        simulators: Command that starts the simulators and prints one JSON line with URLs and credentials.
        source: Folder of template.yaml, functions and layers.
        functions_endpoint: Address at which the functions find AWS; without it the emulator's own.
        by_sam: Have SAM deploy it, also where what SAM uploaded for another stack of this build is there.
        say: Receives one line for each step.

    Raises:
        NotReadyError: A program did not start, or the build or the deployment failed; the text carries its log.
    """
    with ExitStack() as cleanup:
        watched = cleanup.enter_context(guard())
        folder = Path(
            cleanup.enter_context(tempfile.TemporaryDirectory(prefix="leadbridge-", ignore_cleanup_errors=True))
        )
        watched.tell(f"+folder {folder}")
        logs = folder / "logs"
        logs.mkdir()
        marks = [time.monotonic()]

        say("starting the vendor simulators")
        twins = cleanup.enter_context(_simulators(watched, simulators, logs))
        marks.append(time.monotonic())
        say("starting the AWS emulator")
        emulator, endpoint = cleanup.enter_context(_emulator(watched, folder, logs, functions_endpoint))
        marks.append(time.monotonic())
        say("building the functions and layers")
        artifacts = build(source, folder / "build", logs / "build.log")
        marks.append(time.monotonic())

        ours = {"Architecture": _architecture(), "LocalUrl": endpoint}
        local = {**PARAMETERS, **_simulator_parameters(twins), **ours, **(parameters or {})}

        def deploy(changed: Mapping[str, str]) -> dict[str, str]:
            if not (by_sam or stack.outputs) and (kept := _kept(artifacts)).exists():
                s3, cloudformation = stack.client("s3"), stack.client("cloudformation")
                target = {"s3": s3, "bucket": _ARTIFACTS_BUCKET, "cloudformation": cloudformation}
                uploads.deploy(kept, **target, stack_name=STACK_NAME, parameters=local)
            else:
                _sam_deploy(artifacts, endpoint, {**local, **changed}, logs / "deploy.log")
            return _outputs(endpoint)

        say("deploying template.yaml")
        stack = Stack(
            endpoint_url=endpoint,
            outputs={},
            simulators=twins,
            log_dir=logs,
            _emulator=emulator,
            _uses=logs / PERMISSIONS_LOG,
            _deploy=deploy,
        )
        cleanup.callback(stack.close)
        stack.client("s3").create_bucket(Bucket=_ARTIFACTS_BUCKET)
        with _one_at_a_time(ROOT / ".local/build/uploading"):
            if not _kept(artifacts).exists():
                stack.deploy()
                uploads.keep(stack.client("s3"), _ARTIFACTS_BUCKET, _kept(artifacts))
        if not stack.outputs:
            stack.deploy()
        marks.append(time.monotonic())
        steps = [after - before for before, after in pairwise(marks)]
        stack.timings = Timings(simulators=steps[0], emulator=steps[1], build=steps[2], deploy=steps[3])
        yield stack


@contextmanager
def _simulators(watched: Guard, command: Sequence[str | Path] | None, logs: Path) -> Iterator[dict[str, Any]]:
    command = command or [ROOT / ".venv/bin/python", "-m", "simulator", "--marketo-port", "0", "--salesforce-port", "0"]
    log = logs / "simulators.log"
    with watched.running(command, log=log, environment=_quiet_environment(), cwd=ROOT) as process:

        def announced() -> dict[str, Any] | None:
            for line in log.read_text("utf-8", "replace").splitlines(keepends=True):
                if line.startswith("{") and line.endswith("\n"):
                    announcement: dict[str, Any] = json.loads(line)
                    return announcement
            return None

        yield process.wait_until(announced, START_SECONDS)


@contextmanager
def emulator() -> Iterator[str]:
    """The emulator alone, without a deployed template; gives its address."""
    with tempfile.TemporaryDirectory(prefix="leadbridge-emulator-") as name, guard() as watched:
        folder = Path(name)
        with _emulator(watched, folder, folder, "") as (_, endpoint):
            yield endpoint


@contextmanager
def _emulator(watched: Guard, folder: Path, logs: Path, functions_endpoint: str) -> Iterator[tuple[Process, str]]:
    home = Path(os.environ.get(MINISTACK_SETTING) or ROOT / ".local/ministack")
    _compile(home)
    scratch = folder / "emulator"
    scratch.mkdir()
    # somebody may take the port between our look and the emulator's, hence a second and a third try
    for attempt in range(3):
        port = free_port(int(os.environ.get(PORT_SETTING) or 0) if attempt == 0 else 0)
        endpoint = f"http://127.0.0.1:{port}"
        # functions inherit this environment, so it holds nothing of ours
        environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ},
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "SFN_WAIT_SCALE": "0.1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONUNBUFFERED": "1",
            **({"AWS_ENDPOINT_URL": functions_endpoint} if functions_endpoint else {}),
        }
        log = logs / "emulator.log"
        # -P: it must not find our modules beside the script
        script = Path(__file__).with_name("emulator.py")
        command: list[str | Path] = [home / "bin/python", "-P", script, logs / PERMISSIONS_LOG]
        # it would wait for connections that are kept open, and all that it has is in its memory
        running = watched.running(command, log=log, environment=environment, cwd=scratch, politely=False)
        with running as process:
            try:
                health = process.wait_until(lambda endpoint=endpoint: _health(endpoint), START_SECONDS)  # type: ignore[misc] # mypy cannot infer a lambda with a default
            except NotReadyError:
                if attempt == 2:
                    raise
                continue
            if health.get("auth") != "enabled":
                raise NotReadyError(
                    f"the emulator of {home} (version {health.get('version')}) does not enforce IAM policies"
                )
            yield process, endpoint
            return


def _health(endpoint: str) -> dict[str, Any] | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with suppress(urllib.error.URLError, OSError), opener.open(f"{endpoint}/_ministack/health", timeout=5) as answer:
        health: dict[str, Any] = json.load(answer)
        return health
    return None


def _compile(home: Path) -> None:
    """Give the emulator's environment bytecode, once: each of its workers imports boto3 from there."""
    for package in home.glob("lib/python3*/site-packages/boto3"):
        if not (package / "__pycache__").is_dir():
            command = [str(home / "bin/python"), "-m", "compileall", "-q", str(package.parent)]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=TOOL_SECONDS)


def build(source: Path, target: Path, log: Path) -> Path:
    """`sam build` into a folder of its own, from a cache that every local stack shares; same sources are built once.

    Returns:
        The folder of the artifacts, with the template that names them.

    Raises:
        NotReadyError: The build failed; the text carries its log.
    """
    shared = ROOT / ".local/build"
    shared.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(shared / "lock"):
        # a copy, because bytecode caches come and go in the sources while others run tests
        snapshot = shared / "source"
        shutil.rmtree(snapshot, ignore_errors=True)
        for name in _BUILT_FROM:
            if (source / name).is_dir():
                shutil.copytree(source / name, snapshot / name, ignore=_LEFT_OUT)
        shutil.copy(source / "template.yaml", snapshot)
        # what stands there while it is built, nobody may believe: an interruption leaves half a part in the cache
        finished, digest = shared / "finished", _digest(snapshot)
        if not finished.exists():
            shutil.rmtree(shared / "cache", ignore_errors=True)
        if not finished.exists() or finished.read_text() != digest:
            finished.unlink(missing_ok=True)
            # its files are those of running stacks, too
            shutil.rmtree(shared / "artifacts", ignore_errors=True)
            _sam(
                [
                    *("build", "--cached", "--parallel", "--template-file", "template.yaml"),
                    *("--build-dir", str(shared / "artifacts"), "--cache-dir", str(shared / "cache")),
                ],
                cwd=snapshot,
                log=log,
                environment={
                    "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
                    "LEADBRIDGE_UV": str(ROOT / ".local/uv/bin/uv"),
                },
            )
            finished.write_text(digest)
        if not (shared / "artifacts" / _SOURCES).exists():
            (shared / "artifacts" / _SOURCES).write_text(digest)
        shutil.copytree(shared / "artifacts", target, copy_function=_linked)
        # what is not built is named in the built template by its way from there
        if (snapshot / "statemachines").is_dir():
            beside = target.parent / snapshot.name / "statemachines"
            shutil.copytree(snapshot / "statemachines", beside, dirs_exist_ok=True)
    return target


def _kept(artifacts: Path) -> Path:
    """Where that is which SAM uploads for these artifacts."""
    return ROOT / ".local/build/uploads" / (artifacts / _SOURCES).read_text()


@contextmanager
def _one_at_a_time(file: Path) -> Iterator[None]:
    """Wait for whoever has this file locked, and have it for the length of the block."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _linked(source: str, target: str) -> None:
    """One more name for a file; a copy where a link cannot lead."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _digest(folder: Path) -> str:
    """A name for all files of a folder, by their paths and contents."""
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    parts = (part for each in files for part in (str(each.relative_to(folder)), sha256(each.read_bytes()).hexdigest()))
    return sha256("\n".join(parts).encode()).hexdigest()


def _sam_deploy(artifacts: Path, endpoint: str, parameters: Mapping[str, str], log: Path) -> None:
    _sam(
        [
            *("deploy", "--template-file", str(artifacts / "template.yaml"), "--stack-name", STACK_NAME),
            *("--s3-bucket", _ARTIFACTS_BUCKET, "--capabilities", "CAPABILITY_IAM", "--region", REGION),
            *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
            *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
        ],
        cwd=artifacts,
        log=log,
        environment={"AWS_ENDPOINT_URL": endpoint},
    )


def _sam(arguments: Sequence[str], *, cwd: Path, log: Path, environment: Mapping[str, str]) -> None:
    with guard() as watched, tempfile.TemporaryDirectory(prefix="leadbridge-sam-") as settings:
        command: list[str | Path] = [ROOT / ".local/sam/bin/sam", *arguments]
        variables = {
            **_quiet_environment(),
            **ROOT_CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": settings,
            # it leaves temporary folders behind
            "TMPDIR": settings,
            **environment,
        }
        with watched.running(command, log=log, environment=variables, cwd=cwd) as process:
            process.has_ended(TOOL_SECONDS)
        if process.stop():
            raise NotReadyError(f"sam {arguments[0]} failed:\n{process.tail(60)}")


def _outputs(endpoint: str) -> dict[str, str]:
    make: Callable[..., Any] = boto3.client
    client = make(
        "cloudformation",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ROOT_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ROOT_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}),
    )
    with closing(client):
        listed = client.describe_stacks(StackName=STACK_NAME)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in listed}
    # the template names the addresses in AWS; the emulator serves them under its own
    for url, api in (("ApiUrl", "ApiId"), ("AdminApiUrl", "AdminApiId")):
        outputs[url] = f"{endpoint}/_aws/execute-api/{outputs[api]}/{STAGE}"
    outputs["ConsoleUrl"] = f"{outputs['AdminApiUrl']}/console"
    return outputs


def _simulator_parameters(twins: Mapping[str, Any]) -> dict[str, str]:
    urls = [str(twins[name]) for name in ("marketo_url", "salesforce_url") if name in twins]
    return {
        "ClockUrl": f"{urls[0]}/_sim/clock" if urls else "",
        "VendorHosts": ",".join(urlsplit(url).netloc for url in urls),
    }


def _architecture() -> str:
    return "arm64" if os.uname().machine in {"arm64", "aarch64"} else "x86_64"


def _quiet_environment() -> dict[str, str]:
    """Our environment without anything that names an AWS account, a Region, a profile or another stack."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

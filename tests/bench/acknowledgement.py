"""How long a webhook waits for its answer, beside a function that only checks the key and fills a queue."""

import asyncio
import base64
import json
import os
import random
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from devstack import persons
from devstack.stack import REGION, ROOT, ROOT_CREDENTIALS, STAGE
from tests.bench.inputs import distinct_persons
from tests.bench.local import Bench
from tests.bench.report import Figure, spread

CONNECTIONS = 20
MOST_RATIO = 1.3
#: calls of each function before anything is timed: every connection finds its workers started
WARM_UP = 200
#: calls over a single connection afterwards, where nothing waits for the processor
ALONE = 60
STACK_NAME = "baseline"
TEMPLATE = Path(__file__).parent / "baseline" / "template.yaml"
DEPLOY_SECONDS = 300

type Times = Mapping[str, list[float]]


def deploy_baseline(bench: Bench) -> str:
    """Deploy the function that ours is compared with on the same emulator; gives the address of its webhooks."""
    client = bench.stack.client("lambda")
    ours = client.get_function_configuration(FunctionName=bench.stack.outputs["ReceiveActionFunctionName"])
    secret = bench.stack.client("secretsmanager").get_secret_value(SecretId=bench.stack.outputs["WebhookSecretArn"])
    parameters = {
        # it may hold characters that a command line takes for its own
        "MasterKey": base64.urlsafe_b64encode(json.loads(secret["SecretString"])["key"].encode()).decode().rstrip("="),
        "LayerArn": ours["Layers"][0]["Arn"],
        "Architecture": ours["Architectures"][0],
    }
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **ROOT_CREDENTIALS,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL": bench.stack.endpoint_url,
        "SAM_CLI_TELEMETRY": "0",
    }
    command = [
        *(str(ROOT / ".local/sam/bin/sam"), "deploy", "--template-file", str(TEMPLATE), "--stack-name", STACK_NAME),
        *("--s3-bucket", "artifacts", "--capabilities", "CAPABILITY_IAM", "--region", REGION),
        *("--no-confirm-changeset", "--no-progressbar"),
        *(
            "--parameter-overrides",
            *(f"ParameterKey={name},ParameterValue={value}" for name, value in parameters.items()),
        ),
    ]
    subprocess.run(
        command, env=environment, cwd=TEMPLATE.parent, check=True, capture_output=True, timeout=DEPLOY_SECONDS
    )
    outputs = bench.stack.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]["Outputs"]
    api = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "ApiId")
    return f"{bench.stack.endpoint_url}/_aws/execute-api/{api}/{STAGE}/actions"


def figure(bench: Bench, *, calls: int, seed: int) -> Figure:
    """Figure 2: both functions in turn over the same connections."""
    facts = bench.facts
    addresses = {
        "ours": f"{facts['webhook_url']}/{facts['action_id']}",
        "baseline": f"{deploy_baseline(bench)}/{facts['action_id']}",
    }
    lines = distinct_persons(WARM_UP + calls + ALONE, seed=seed, prefix="ack")
    loaded = persons.load(
        lines, marketo_url=facts["marketo_url"], salesforce_url=facts["salesforce_url"], client=bench.http
    )
    bodies = [group.requests[0].body for group in persons.groups(lines, loaded.lead_ids)]
    chance = random.Random(seed)
    busy, alone = bodies[: WARM_UP + calls], bodies[WARM_UP + calls :]
    times = asyncio.run(_in_turn(addresses, busy, facts["webhook_key"], chance, CONNECTIONS, WARM_UP))
    single = asyncio.run(_in_turn(addresses, alone, facts["webhook_key"], chance, 1, 0))
    medians = {name: statistics.median(each) for name, each in times.items()}
    result = Figure(
        title="acknowledgement",
        size=f"seed {seed}, {calls} warm calls of each function in turn over {CONNECTIONS} connections",
    )
    for name, each in times.items():
        result.add(f"{name}: {spread(each)}, p99 {statistics.quantiles(each, n=100)[98]:.1f} ms")
    result.bound("median of ours / median of the baseline", medians["ours"] / medians["baseline"], most=MOST_RATIO)
    for name, each in single.items():
        result.add(f"over one connection, {name}: {spread(each)}")
    ratio = statistics.median(single["ours"]) / statistics.median(single["baseline"])
    result.add(f"over one connection, ratio of the medians: {ratio:.2f}")
    return result


async def _in_turn(
    addresses: Mapping[str, str], bodies: Sequence[bytes], key: str, chance: random.Random, connections: int, skip: int
) -> Times:
    """Every connection calls both functions with each of its bodies, in an order drawn anew each time."""
    times: dict[str, list[float]] = {name: [] for name in addresses}
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    headers = {"X-Leadbridge-Key": key, "Content-Type": "application/json"}
    waiting = list(enumerate(bodies))[::-1]
    async with httpx.AsyncClient(timeout=30, limits=limits, trust_env=False, headers=headers) as client:

        async def connection() -> None:
            while waiting:
                number, body = waiting.pop()
                for name in chance.sample(sorted(addresses), len(addresses)):
                    begun = time.perf_counter()
                    answer = await client.post(addresses[name], content=body)
                    seconds = time.perf_counter() - begun
                    if answer.status_code != 200:
                        raise RuntimeError(f"{name} answered {answer.status_code}: {answer.text[:200]}")
                    if number >= skip:
                        times[name].append(seconds * 1000)

        await asyncio.gather(*(connection() for _ in range(connections)))
    return times

"""What a deployment must not do: change secrets, stop the work, write personal values to a log."""

import json

from devstack.stack import FUNCTIONS
from tests.e2e.lab import Lab

SECRETS = ("WebhookSecretArn", "IndexKeySecretArn", "VendorSecretArn")


def test_a_second_deployment_leaves_every_secret_and_the_work_alone(lab: Lab) -> None:
    """After deploying once more without changes the three secrets have the values and versions they had, the outputs
    are the same, and a webhook with the old key still becomes a Lead."""
    client = lab.stack.client("secretsmanager")

    def secrets() -> list[tuple[str, str]]:
        values = [client.get_secret_value(SecretId=lab.stack.outputs[name]) for name in SECRETS]
        return [(value["VersionId"], value["SecretString"]) for value in values]

    key, person = lab.key("upsert"), lab.person()
    before, outputs = secrets(), dict(lab.stack.outputs)
    assert all(json.loads(text) for _, text in before)

    after = lab.stack.deploy()

    assert secrets() == before
    assert after == outputs
    answer = lab.call("upsert", person.body(), key=key)
    assert answer.status_code == 200, answer.text
    [execution] = lab.ended([answer.json()["execution_id"]])
    assert execution["outcome"] == "created"
    assert execution["writeback"] == {"status": "written"}


def test_no_log_holds_a_personal_value(lab: Lab) -> None:
    """No line of any function's log of this session, metrics included, and no line of the emulator's own log holds an
    address or a name that was sent, although some were refused by the vendor with their values in its message."""
    person = lab.person(lastName="Overlong" + "ness" * 20)
    lab.run("upsert", person.body(), lab.person().body(), lab.person().body(email="broken address"))
    lab.post("upsert", json.dumps(lab.person().body()).encode()[:-1])
    lab.told.add("broken address")

    logs = {name: lab.stack.function_logs(name) for name in FUNCTIONS}
    logs["emulator"] = (lab.stack.log_dir / "emulator.log").read_text("utf-8", "replace").splitlines()

    values = {value.casefold() for value in lab.told}
    found = [
        f"{name}: {line[:300]}" for name, lines in logs.items() for line in lines if _holds(line.casefold(), values)
    ]
    assert found == []
    assert logs["receive_action"]
    assert logs["store_events"]
    assert any('"_aws"' in line and "VendorCalls" in line for line in logs["run_actions"])


def _holds(line: str, values: set[str]) -> bool:
    return any(value in line for value in values)

"""The set-up of a Marketo instance, killed in the middle: run again it goes on where it stopped."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.e2e.actions import an_action
from tests.twins import ROOT, running_twins

TYPE = "/rest/v1/activities/external/type"
#: what the instance lacks of what the two Actions want, in the order in which it is made
WRITES = [
    "/rest/v1/leads/schema/fields.json",
    f"{TYPE}/leadbridgeResult/attributes/create.json",
    f"{TYPE}/leadbridgeResult/approve.json",
    f"{TYPE}.json",
    f"{TYPE}/leadbridgeSecond/attributes/create.json",
    f"{TYPE}/leadbridgeSecond/approve.json",
]


def wanted() -> list[dict[str, Any]]:
    """An Action whose activity type lacks an attribute, and one whose field and type are not there."""
    one = an_action("one")
    one["results"] |= {"mappings": [*one["results"]["mappings"], {"execution": "outcome", "to": "reason"}]}
    other = an_action("other", writeback=[{"static": "x", "to": "leadbridgeNew"}])
    other["results"] |= {"activity": "leadbridgeSecond"}
    return [one, other]


def types_of(twin: httpx.Client, credentials: dict[str, str]) -> list[dict[str, Any]]:
    """The custom activity types, as the instance lists them."""
    login = {"grant_type": "client_credentials"} | {name: credentials[name] for name in ("client_id", "client_secret")}
    token = twin.get("/identity/oauth/token", params=login).json()["access_token"]
    answer = twin.get("/rest/v1/activities/external/types.json", headers={"Authorization": f"Bearer {token}"})
    found: list[dict[str, Any]] = answer.json()["result"]
    return found


def test_a_set_up_that_is_killed_after_each_of_its_writes_makes_everything_once(tmp_path: Path) -> None:
    """Signal 9 after the first write of every run, before its answer is read: each thing is made, and made once."""
    file = tmp_path / "actions.yaml"
    file.write_text(yaml.safe_dump_all(wanted()))
    with (
        running_twins("--only", "marketo") as (_, announced),
        httpx.Client(base_url=announced["marketo_url"], verify=False) as twin,
        subprocess.Popen(
            [sys.executable, "-m", "tests.fault.setup_command", announced["marketo_url"], str(file)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as commands,
    ):
        twin.post("/_sim/limits", json={"latency_seconds": 0})
        assert commands.stdin is not None
        assert commands.stdout is not None
        commands.stdin.write(json.dumps(announced["marketo_credentials"]) + "\n")
        commands.stdin.flush()
        assert commands.stdout.readline() == "ready\n"
        ends: list[str] = []
        for _ in range(len(WRITES) + 1):
            commands.stdin.write("again\n")
            commands.stdin.flush()
            pid, end = commands.stdout.readline().split()
            if end == "written":
                os.kill(int(pid), signal.SIGKILL)
            ends.append(end)
        commands.stdin.close()
        assert commands.wait(60) == 0

        log = twin.get("/_sim/log?since=0").json()
        types = {each["apiName"]: each for each in types_of(twin, announced["marketo_credentials"])}

    assert ends == ["written"] * len(WRITES) + ["ended"]
    assert [each["path"] for each in log if each["method"] == "POST" and "/rest/" in each["path"]] == WRITES
    assert {name: types[name]["status"] for name in ("leadbridgeResult", "leadbridgeSecond")} == {
        "leadbridgeResult": "approved",
        "leadbridgeSecond": "approved",
    }

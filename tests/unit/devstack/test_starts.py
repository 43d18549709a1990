"""A function's process that is forked is what it would have been: its pipes, folder, environment, command, parent."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.stack import ROOT

#: as the emulator does: starts a process twice, asks each what it is, kills one and lets the other end
EMULATOR = """
import ctypes, json, os, signal, sys
from subprocess import PIPE
from devstack.emulator import PR_SET_CHILD_SUBREAPER, Start

ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
folder, layer, worker = sys.argv[1:]
environment = {**os.environ, "_LAMBDA_LAYERS_DIRS": layer, "ASKED": "for this"}
told = []
for number in (signal.SIGKILL, 0):
    pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
    process = Start([sys.executable, worker], cwd=folder, env=environment, text=True, **pipes)
    process.stdin.write("an event\\n")
    process.stdin.flush()
    said = json.loads(process.stdout.readline())
    with open(f"/proc/{process.pid}/cmdline") as shown:
        said |= {"shown": shown.read().rstrip("\\0").split("\\0"), "ours": said["parent"] == os.getpid()}
    running = process.poll() is None
    if number:
        process.send_signal(number)
    else:
        process.stdin.close()
    told.append(said | {"running": running, "code": process.wait(10), "error": process.stderr.read()})
print(json.dumps(told))
"""
WORKER = """
import json, os, sys
heard = sys.stdin.readline()
loaded = [name for name in sys.modules if name.startswith("leadbridge")]
print(json.dumps({
    "heard": heard, "loaded": sorted(loaded), "name": __name__, "arguments": sys.argv, "folder": os.getcwd(),
    "asked": os.environ["ASKED"], "parent": os.getppid(), "path": [each for each in sys.path if "layer" in each],
}))
sys.stdout.flush()
print("a log line", file=sys.stderr)
sys.exit(3 if sys.stdin.readline() == "" else 4)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the emulator starts processes by itself")
def test_a_forked_process_is_what_the_emulator_would_have_started(tmp_path: Path) -> None:
    """It reads what it is told, answers and logs, is shown and killed as the emulator's own child; of its layers our
    package is loaded already, without what must come first in a process, and without what its libraries lack."""
    package = tmp_path / "layer/python/leadbridge"
    package.mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "errors": "print('said while loading')",
        "cold_start": "",
        "lacking": "import no_such_library",
    }.items():
        (package / f"{name}.py").write_text(text)
    (tmp_path / "code").mkdir()
    worker = tmp_path / "_worker.py"
    worker.write_text(WORKER)

    told = subprocess.run(
        [sys.executable, "-c", EMULATOR, str(tmp_path / "code"), str(tmp_path / "layer"), str(worker)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert told.returncode == 0, told.stderr
    killed, ended = json.loads(told.stdout)
    for each in (killed, ended):
        assert each["heard"] == "an event\n"
        assert each["loaded"] == ["leadbridge", "leadbridge.errors"]
        assert (each["name"], each["arguments"], each["path"]) == ("__main__", [str(worker)], [])
        assert (each["folder"], each["asked"]) == (str(tmp_path / "code"), "for this")
        assert each["shown"] == [sys.executable, str(worker)]
        assert each["ours"]
        assert each["running"]
    assert (killed["code"], ended["code"]) == (-9, 3)
    assert ended["error"] == "a log line\n"

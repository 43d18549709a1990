"""What `sam build` makes of the repository: small enough, complete, and compiled for read-only folders."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devstack.stack import ROOT, build
from tests.unit.test_template import FUNCTIONS, PARAMETERS, TEMPLATE

MEGABYTE = 1_000_000
# what the Lambda runtime brings along, so that no layer holds it
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "dateutil", "urllib3", "six.py", "jmespath")
# every entry of an archive that SAM packages has this date
PACKAGED_AT = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Artifact:
    """Built functions and layers, laid out as Lambda lays them out, read-only."""

    functions: Path
    layers: Path
    runtime: Path

    def search_path(self, function: str) -> list[str]:
        """The folders that Lambda searches for a function, besides the standard library."""
        layers = [
            layer["Ref"]
            for holder in (TEMPLATE["Globals"]["Function"], FUNCTIONS[function])
            for layer in holder.get("Layers", [])
        ]
        folders = [self.functions / function, *(self.layers / name / "python" for name in layers), self.runtime]
        return [str(folder) for folder in folders]


def packaged(source: Path, target: Path) -> None:
    """Pack a folder as SAM does and unpack it as Lambda does: dated 1980 and read-only."""
    target.mkdir(parents=True)
    archive = target.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packing:
        for file in sorted(source.rglob("*")):
            if file.is_file():
                packing.writestr(
                    zipfile.ZipInfo(str(file.relative_to(source)), PACKAGED_AT), file.read_bytes(), zipfile.ZIP_DEFLATED
                )
    with zipfile.ZipFile(archive) as unpacking:
        unpacking.extractall(target)
    archive.unlink()
    for path in sorted(target.rglob("*"), reverse=True):
        os.utime(path, (315532800, 315532800))
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The repository, built and packaged once."""
    folder = tmp_path_factory.mktemp("artifact")
    built = build(ROOT, folder / "built", folder / "build.log")
    result = Artifact(folder / "functions", folder / "layers", folder / "runtime")
    result.runtime.mkdir()
    for name in RUNTIME_PACKAGES:
        (result.runtime / name).symlink_to(Path(sysconfig.get_path("purelib")) / name)
    for name in FUNCTIONS:
        packaged(built / name, result.functions / name)
    for name in ("CommonLayer", "LibrariesLayer"):
        packaged(built / name, result.layers / name)
    shutil.rmtree(built)
    return result


def environment(function: str) -> dict[str, str]:
    """The variables that the template gives to a function; what only a deployment knows is made up."""
    variables: dict[str, Any] = {
        **TEMPLATE["Globals"]["Function"]["Environment"]["Variables"],
        **FUNCTIONS[function]["Environment"]["Variables"],
    }
    values = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_REGION": "eu-central-1", "AWS_LAMBDA_FUNCTION_NAME": function}
    for name, value in variables.items():
        reference = value.get("Ref") if isinstance(value, dict) else None
        if isinstance(value, str):
            values[name] = value
        elif reference in PARAMETERS:
            values[name] = str(PARAMETERS[reference]["Default"])
        else:
            values[name] = f"made-up-{name.lower()}"
    return values


def run(artifact: Artifact, function: str, code: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that sees the standard library and the artifact, nothing else of this machine."""
    path = f"import sys; sys.path.extend({artifact.search_path(function)!r})"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", *flags, "-c", f"{path}\n{code}"],
        env=environment(function),
        cwd=artifact.functions / function,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_starts_from_the_packaged_artifact_without_compiling(artifact: Artifact, function: str) -> None:
    """The handler's module imports from read-only folders dated 1980; no source of ours or a library is compiled."""
    started = run(artifact, function, "import app; print(callable(app.lambda_handler))", "-v")
    compiled = [
        name
        # of what it compiled Python prints the path without quotes
        for name in re.findall(r"^# code object from ([^'].*\.py)$", started.stderr, re.MULTILINE)
        if name.startswith((str(artifact.functions), str(artifact.layers)))
    ]
    loaded = re.findall(r"^# code object from '([^']+\.pyc)'", started.stderr, re.MULTILINE)

    assert started.stdout == "True\n", started.stderr[-3000:]
    assert compiled == []
    assert f"{artifact.functions}/{function}/__pycache__/app.cpython-313.pyc" in loaded


def test_layers_are_small(artifact: Artifact) -> None:
    """All layers together stay under 45 MB unpacked."""
    size = sum(file.stat().st_size for file in artifact.layers.rglob("*") if file.is_file())
    print(f"layers: {size / MEGABYTE:.1f} MB unpacked")

    assert size <= 45 * MEGABYTE


def test_every_source_in_the_artifact_has_bytecode_that_ignores_file_dates(artifact: Artifact) -> None:
    """Each Python file has a cache of Python 3.13 whose header says: hash, unchecked."""
    wrong = []
    for source in [*artifact.layers.rglob("*.py"), *artifact.functions.rglob("*.py")]:
        cache = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        if not cache.is_file() or int.from_bytes(cache.read_bytes()[4:8], "little") != 1:
            wrong.append(str(source))

    assert wrong == []


def test_layers_serve_both_architectures_and_hold_no_ballast(artifact: Artifact) -> None:
    """Compiled modules come for both processors; tests, type stubs and tools stay out, as does what the runtime has."""
    names = [file.relative_to(artifact.layers) for file in artifact.layers.rglob("*")]
    binaries = {re.sub(r"(x86_64|aarch64)", "*", str(name)) for name in names if name.suffix == ".so"}
    packages = {name.parts[2] for name in names if len(name.parts) > 2}

    for binary in binaries:
        assert {str(name) for name in names} >= {binary.replace("*", "x86_64"), binary.replace("*", "aarch64")}
    assert not [name for name in names if name.suffix == ".pyi" or name.name in {"tests", "bin"}]
    assert not packages & {"boto3", "botocore", "cryptography"}


def test_the_package_layer_holds_our_package_alone(artifact: Artifact) -> None:
    """What the receive path starts with is our code; the libraries are another layer."""
    assert {path.name for path in (artifact.layers / "CommonLayer/python").iterdir()} <= {"leadbridge", "__pycache__"}


def test_the_receiver_imports_no_library(artifact: Artifact) -> None:
    """A start of receive_action loads boto3's family, our package and the standard library."""
    listing = run(
        artifact, "ReceiveActionFunction", "import app; print(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = set(ast.literal_eval(listing.stdout)) - set(sys.stdlib_module_names)

    runtime = {name.removesuffix(".py") for name in RUNTIME_PACKAGES}
    assert {name for name in loaded if not name.startswith("_")} <= runtime | {"app", "leadbridge"}

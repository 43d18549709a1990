"""The shape of the repository holds: who imports whom, how large handlers grow, what files say."""

import ast
import functools
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers/common/python/leadbridge"
OURS = ("leadbridge", "leadbridge_cli", "simulator", "devstack", "functions", "tools", "tests")

# what each part may import of ours; a name covers everything below it, and every part may import itself.
# inner parts know nothing of outer ones: functions → wiring → usecases → domain, vendors and aws at the edge.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "leadbridge.errors": (),
    "leadbridge.domain": ("leadbridge.errors",),
    "leadbridge.ports": ("leadbridge.domain", "leadbridge.errors"),
    "leadbridge.sync_ports": ("leadbridge.domain", "leadbridge.errors"),
    "leadbridge.cycle_ports": ("leadbridge.domain", "leadbridge.errors", "leadbridge.sync_ports"),
    "leadbridge.files": ("leadbridge.errors",),
    "leadbridge.usecases": (
        "leadbridge.cycle_ports",
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.files",
        "leadbridge.ports",
        "leadbridge.sync_ports",
    ),
    "leadbridge.vendors.http": ("leadbridge.domain", "leadbridge.errors", "leadbridge.ports"),
    "leadbridge.vendors.marketo": (
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.ports",
        "leadbridge.sync_ports",
        "leadbridge.vendors.http",
    ),
    "leadbridge.vendors.salesforce": (
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.ports",
        "leadbridge.sync_ports",
        "leadbridge.vendors.http",
    ),
    "leadbridge.vendors.bulk_jobs": (
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.ports",
        "leadbridge.vendors",
    ),
    "leadbridge.vendors.cycle_look": (
        "leadbridge.cycle_ports",
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.ports",
        "leadbridge.vendors",
    ),
    "leadbridge.vendors.sync_vendors": (
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.ports",
        "leadbridge.sync_ports",
        "leadbridge.vendors",
    ),
    "leadbridge.vendors.cycle_news": (
        "leadbridge.cycle_ports",
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.vendors",
    ),
    "leadbridge.vendors.remedies": ("leadbridge.vendors",),
    "leadbridge.vendors.connections": (
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.ports",
        "leadbridge.vendors",
    ),
    # a queue of calls is filled here as at the door
    "leadbridge.aws.queue": ("leadbridge.door", "leadbridge.domain", "leadbridge.errors"),
    "leadbridge.aws": (
        "leadbridge.cycle_ports",
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.ports",
        "leadbridge.sync_ports",
    ),
    "leadbridge.config": ("leadbridge.domain", "leadbridge.errors"),
    "leadbridge.observability": ("leadbridge.domain", "leadbridge.errors"),
    # the receive path starts cold: it carries no settings model, no use-case and no vendor client
    "leadbridge.door": ("leadbridge.domain", "leadbridge.errors", "leadbridge.aws"),
    "leadbridge.receiving": ("leadbridge.door", "leadbridge.domain", "leadbridge.errors", "leadbridge.aws"),
    "leadbridge.flow_steps": ("leadbridge.door", "leadbridge.domain", "leadbridge.errors", "leadbridge.aws"),
    # files for everybody: it needs nothing of the rest
    "leadbridge.serving": (),
    "leadbridge.announcements": (
        "leadbridge.door",
        "leadbridge.domain",
        "leadbridge.errors",
        "leadbridge.vendors.salesforce.outbound",
    ),
    "leadbridge.admin": ("leadbridge.domain", "leadbridge.errors", "leadbridge.ports", "leadbridge.usecases"),
    # the same door with a worker behind it
    "leadbridge.answering": ("leadbridge",),
    "leadbridge.wiring": ("leadbridge",),
    # before all others, of nothing
    "leadbridge.cold_start": (),
    "functions": (
        "leadbridge.cold_start",
        "leadbridge.wiring",
        "leadbridge.answering",
        "leadbridge.receiving",
        "leadbridge.flow_steps",
        "leadbridge.serving",
        "leadbridge.config",
        "leadbridge.observability",
        "leadbridge.domain",
        "leadbridge.errors",
    ),
    "leadbridge_cli": ("leadbridge",),
    "simulator": (),
    "devstack.model": (),
    "devstack": ("devstack", "tools"),
    "tools": (),
}
MAX_HANDLER_LINES = 30
# what a stranger's machine does not have; written so that this file does not hold them itself
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home)/")
REGISTRY_HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.org|artifac[t]ory|index[-_]url|find[-]links", re.IGNORECASE
)


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that is or would be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(ROOT / name for name in sorted(listing.split("\0")) if name and (ROOT / name).is_file())


@functools.cache
def python_files() -> tuple[Path, ...]:
    """Every Python file of the repository."""
    return tuple(path for path in tracked_files() if path.suffix == ".py")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked at of a file. Its syntax tree is not kept: those of all files take longer to keep than to make."""

    says_what_it_is: bool
    imports: tuple[str, ...]
    #: tests without a docstring
    mute: tuple[str, ...]


@functools.cache
def facts_of(path: Path) -> Facts:
    """What a Python file says and whom it imports."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    statements = list(statements_of(tree))
    return Facts(
        says_what_it_is=bool(ast.get_docstring(tree)),
        imports=tuple(imports_of(statements, module_name(path), is_package=path.name == "__init__.py")),
        mute=tuple(mute_tests(statements)),
    )


def module_name(path: Path) -> str:
    """The name under which a file of ours is imported."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    for prefix in (["layers", "common", "python"], ["cli"]):
        if parts[: len(prefix)] == prefix:
            parts = parts[len(prefix) :]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_within(name: str, part: str) -> bool:
    """Whether a module is a part or lies below it."""
    return name == part or name.startswith(f"{part}.")


def statements_of(tree: ast.Module) -> Iterator[ast.AST]:
    """A file's statements at any depth, without the expressions in them, which are ten times as many."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, name, ())


def imports_of(statements: Iterable[ast.AST], module: str, *, is_package: bool = False) -> Iterator[str]:
    """Every module of ours that a file imports, at any depth of the code; `from a import b` counts as a.b."""
    for node in statements:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                above = package[: len(package) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        yield from (name for name in names if any(is_within(name, ours) for ours in OURS))


def part_of(module: str) -> str | None:
    """The most specific part of the table that a module belongs to."""
    return max((part for part in MAY_IMPORT if is_within(module, part)), key=len, default=None)


def mute_tests(statements: Iterable[ast.AST]) -> Iterator[str]:
    """The names of test functions without a docstring."""
    tests = (each for each in statements if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return (each.name for each in tests if each.name.startswith("test_") and not ast.get_docstring(each))


def wrong_imports(module: str, imports: Iterable[str]) -> Iterator[str]:
    """The imports of a module that point outwards."""
    part = part_of(module)
    if part is None:
        return
    allowed = (part, *MAY_IMPORT[part])
    for name in imports:
        # a package may gather its own children in its __init__; children are judged by their own part
        if not any(is_within(name, one) for one in allowed):
            yield f"{module} imports {name}"


def mute_modules(paths: Iterable[Path]) -> list[str]:
    """The files whose first statement is not a docstring."""
    return [str(path.relative_to(ROOT)) for path in paths if not facts_of(path).says_what_it_is]


def test_imports_point_inwards() -> None:
    """No module of the product, the simulators or the tools imports what its part must not know."""
    files = [path for path in python_files() if part_of(module_name(path))]
    wrong = [line for path in files for line in wrong_imports(module_name(path), facts_of(path).imports)]

    assert files
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        pytest.param("leadbridge.domain.mapping", "from leadbridge import usecases", id="domain to usecases"),
        pytest.param("leadbridge.domain.mapping", "from leadbridge.ports import Clock", id="domain to ports"),
        pytest.param("leadbridge.domain.mapping", "from ..vendors import http", id="relative import"),
        pytest.param("leadbridge.usecases.drain", "import leadbridge.aws.inbox", id="usecases to aws"),
        pytest.param("leadbridge.usecases.drain", "from leadbridge.vendors import marketo", id="to a vendor"),
        pytest.param("leadbridge.vendors.marketo.client", "import leadbridge.vendors.salesforce", id="sibling"),
        pytest.param("leadbridge.aws.inbox", "from leadbridge.vendors.http import mask", id="aws to vendors"),
        pytest.param("leadbridge.receiving", "from leadbridge import config", id="receive path"),
        pytest.param("functions.sweep.app", "from leadbridge.usecases import sweep", id="around wiring"),
        pytest.param("simulator.marketo.app", "import leadbridge.errors", id="simulator to product"),
        pytest.param("leadbridge.wiring", "import simulator", id="product to simulator"),
        pytest.param("devstack.model", "def f():\n    import simulator.clock", id="model to simulator"),
        pytest.param("devstack.model", "from leadbridge import errors", id="model to product"),
    ],
)
def test_an_import_that_points_outwards_is_found(module: str, code: str) -> None:
    """Each planted import, absolute, relative or hidden in a function, gives one finding."""
    assert len(list(wrong_imports(module, imports_of(statements_of(ast.parse(code)), module)))) == 1


@pytest.mark.parametrize(
    ("module", "code"),
    [
        pytest.param("leadbridge.usecases.drain", "from leadbridge.domain import records", id="to domain"),
        pytest.param("leadbridge.vendors.marketo.client", "from . import errors", id="own package"),
        pytest.param("leadbridge.vendors.marketo.client", "from ..http import transport", id="shared transport"),
        pytest.param("functions.sweep.app", "from leadbridge import wiring", id="handler to wiring"),
        pytest.param("leadbridge.wiring", "from leadbridge.aws import inbox", id="wiring to all"),
        pytest.param("leadbridge.domain.mapping", "import json, datetime", id="standard library"),
    ],
)
def test_an_import_that_points_inwards_is_accepted(module: str, code: str) -> None:
    """The allowed directions give no finding."""
    assert list(wrong_imports(module, imports_of(statements_of(ast.parse(code)), module))) == []


def test_every_module_of_the_product_has_a_part() -> None:
    """A new top-level module cannot escape the import rules by not being listed."""
    own = [module_name(path) for path in python_files() if path.is_relative_to(PACKAGE)]

    assert [name for name in own if part_of(name) is None and name not in {"leadbridge", "leadbridge.vendors"}] == []


def test_handlers_stay_small() -> None:
    """Each function is one file of at most 30 lines that are not blank."""
    handlers = [path for path in python_files() if path.is_relative_to(ROOT / "functions")]
    sizes = {
        str(path.relative_to(ROOT)): sum(bool(line.strip()) for line in path.read_text("utf-8").splitlines())
        for path in handlers
        if path.name != "__init__.py"
    }

    assert sizes
    assert {name: size for name, size in sizes.items() if size > MAX_HANDLER_LINES} == {}
    assert {path.name for path in handlers} <= {"app.py", "__init__.py"}


def test_no_file_names_a_machine_or_a_registry() -> None:
    """No committed text holds a path of the machine it was written on, or an address packages come from."""
    found = []
    for path in tracked_files():
        text = path.read_text("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {m[0]}" for m in MACHINE_PATH.finditer(text)]
        found += [f"{path.relative_to(ROOT)}: {m[0]}" for m in REGISTRY_HOST.finditer(text)]

    assert tracked_files()
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "work/main",
        "'/" + "home/ada/x'",
        "cd /" + "root/x",
        "--index" + "-url http://x",
        "https://pypi" + ".org/x",
    ],
)
def test_a_machine_path_or_registry_would_be_found(text: str) -> None:
    """The two patterns see what they are meant to see."""
    assert MACHINE_PATH.search(text) or REGISTRY_HOST.search(text)


@pytest.mark.parametrize("text", ["https://docs.example.com/home/page", "team/home/plan", "./root/x"])
def test_an_innocent_path_is_left_alone(text: str) -> None:
    """A path inside an address or a relative path is not a machine path."""
    assert not MACHINE_PATH.search(text)


def test_every_module_has_a_docstring() -> None:
    """Each Python file begins by saying what lives in it."""
    assert python_files()
    assert mute_modules(python_files()) == []


def test_every_folder_of_the_product_says_what_it_is_for() -> None:
    """Each folder of the product, the simulators and the tools has an `__init__.py`, checked above."""
    roots = [PACKAGE, ROOT / "cli/leadbridge_cli", ROOT / "simulator", ROOT / "devstack", ROOT / "tools"]
    folders = {path.parent for path in python_files() if any(path.is_relative_to(root) for root in roots)}
    missing = [str(one.relative_to(ROOT)) for one in sorted(folders) if not (one / "__init__.py").exists()]

    assert folders
    assert missing == []


def test_every_test_says_what_it_observes() -> None:
    """Each test function has a docstring; names alone do not say what is seen from outside."""
    mute = [
        f"{path.relative_to(ROOT)}::{name}"
        for path in python_files()
        if path.is_relative_to(ROOT / "tests")
        for name in facts_of(path).mute
    ]

    assert mute == []

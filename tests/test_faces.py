"""Who may look into a package: from outside only its face is imported, and a face holds nothing but imports and names."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FACES = [
    "receipts", "receipts.asgi", "receipts.cache_id", "receipts.callers", "receipts.closing", "receipts.emitting",
    "receipts.gateway", "receipts.ingest", "receipts.journal", "receipts.journal.stores", "receipts.litellm",
    "receipts.observing", "receipts.prefixes", "receipts.publishing", "receipts.ratecard", "receipts.wallet", "cli", "cli.commands", "cli.published", "cli.stamped", "verifier", "attribution",
    "attribution.cache", "attribution.money",
]  # fmt: skip
WITH_FUNCTIONS = {"verifier"}
"""Faces that offer functions of their own."""
FLOORS = [
    "format", "crypto", "report", "item", "reading", "order", "pricing", "statements", "customer", "evidence",
    "procedure", "pack",
]  # fmt: skip
"""The rooms of `verifier`, from the ground up: each imports from itself and from those before it."""
PACKAGES = ("receipts", "verifier", "attribution", "cli")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FLAT = {"verifier.format.fast_decoder"}
"""Flat on purpose: parse, reject, parse, reject."""


def name_of(path):
    """The dotted name of a module; a face has that of its package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path):
    """What a module imports: modules, and for ``from package import name`` the module where there is one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                file = ROOT.joinpath(*inner.split("."))
                is_module = file.with_suffix(".py").exists() or file.is_dir()
                yield inner if is_module else node.module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_faces_are_imported_from_outside(path):
    """The modules of a package know each other, and those of the packages around it; what is beside or in them has a face."""
    own = name_of(path).split(".")
    for target in imported(path):
        package, _, module = target.rpartition(".")
        if package.split(".")[0] == "verifier":
            package = "verifier"  # whose rooms have no faces of their own
        if package in FACES and target not in FACES:
            around = package.split(".")
            assert own[: len(around)] == around, f"{name_of(path)} imports {package}.{module}"


@pytest.mark.parametrize("path", [p for p in MODULES if p.parts[-3] == "verifier"], ids=name_of)
def test_the_verifier_has_floors(path):
    room = path.parts[-2]
    for target in imported(path):
        if target.startswith("verifier."):
            assert FLOORS.index(target.split(".")[1]) <= FLOORS.index(room), target


def test_the_verifier_has_no_other_rooms():
    rooms = {path.parent.name for path in (ROOT / "verifier").glob("*/*.py")}
    assert rooms == set(FLOORS)


@pytest.mark.parametrize("face", [face for face in FACES if face not in WITH_FUNCTIONS])
def test_a_face_is_imports_and_names(face):
    tree = ast.parse(Path(importlib.import_module(face).__file__).read_text())
    docstring, *rest = tree.body
    assert isinstance(docstring, ast.Expr)
    for node in rest:
        names = isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
        assert names or isinstance(node, ast.ImportFrom), f"{face}, line {node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_are_short(path):
    if name_of(path) in FLAT:
        return
    text = path.read_text()
    assert text.count("\n") < 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 42, node.name
            command = any("command" in ast.unparse(one) for one in node.decorator_list)
            parameters = len(node.args.args) + len(node.args.kwonlyargs)
            assert parameters <= 8 or command, node.name


def test_labels_are_written_down_once():
    """No integer key of a map stands anywhere but in the tables, and for COSE in `receipts.signing`."""
    for path in (ROOT / "receipts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            keys = node.keys if isinstance(node, ast.Dict) else []
            if isinstance(node, ast.Subscript):
                keys = [node.slice] if isinstance(node.ctx, ast.Store) else []
            integers = [k for k in keys if isinstance(k, ast.Constant) and type(k.value) is int]
            if path.parent.name != "ingest":  # TTLs in seconds
                assert not integers, f"{path}:{node.lineno}"

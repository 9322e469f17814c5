"""The house rules: who imports whom, which names are public, and that the two sides share no code but agree."""

import ast
import importlib
import sys
from pathlib import Path

import pytest

import receipts.labels
import verifier.format.labels

ROOT = Path(__file__).parents[1]
PACKAGES = ("receipts", "verifier", "attribution", "cli")
MAY_IMPORT = {
    "receipts": set(),
    "verifier": set(),
    "attribution": {"verifier"},
    "cli": {"receipts", "verifier", "attribution"},
}
"""The packages of the project that a package may import, besides itself."""


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def imports(path):
    """Top-level names of all imports of a module, wherever they stand."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_they_may(package):
    for path in modules(package):
        local = set(imports(path)) & set(PACKAGES) - {package}
        assert local <= MAY_IMPORT[package], f"{path} imports {local - MAY_IMPORT[package]}"


def test_the_verifier_needs_only_the_standard_library_and_cryptography():
    for path in modules("verifier"):
        foreign = set(imports(path)) - set(sys.stdlib_module_names) - {"verifier", "cryptography"}
        assert foreign <= ({"nacl"} if path.name == "ed25519.py" else set()), (
            f"{path} imports {foreign}"
        )


def test_the_verifier_opens_no_socket():
    for path in modules("verifier"):
        assert not set(imports(path)) & {"socket", "urllib", "http", "ssl", "asyncio"}, path


@pytest.mark.parametrize(
    "package",
    [
        "receipts",
        "verifier",
        "receipts.ingest",
        "receipts.cache_id",
        "attribution.cache",
        "attribution.money",
    ],
)
def test_public_names_are_those_listed(package):
    """``__all__`` is what the package offers: no more public names in its namespace than it lists, and modules."""
    module = importlib.import_module(package)
    tree = ast.parse(Path(module.__file__).read_text())
    bound = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound |= {target.id for target in targets if isinstance(target, ast.Name)}
    public = {name for name in bound if not name.startswith("_")}
    assert public <= set(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)
    assert len(module.__all__) == len(set(module.__all__))


def public_objects(package):
    for path in modules(package):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield path, node
                for inner in node.body if isinstance(node, ast.ClassDef) else []:
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                        yield path, inner


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_object_has_a_docstring(package):
    for path, node in public_objects(package):
        described = ast.get_docstring(node) or (
            path.parent.name == "cli" and path.name != "files.py"
        )
        assert described, f"{path}: {node.name}"


WALLS = {
    "receipts/emitting/emitter.py", "receipts/emitting/exchange.py", "receipts/journal/journal.py",
}  # fmt: skip
"""Where whatever goes wrong is told to who waits, or counted and logged: no answer of a server may be harmed by its receipt, and no error
may end the thread that signs."""


def test_no_check_swallows_every_exception():
    for package in PACKAGES:
        for path in modules(package):
            if str(path.relative_to(ROOT)) in WALLS:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                assert not _suppresses_all(node), f"{path}:{node.lineno}"
                if isinstance(node, ast.ExceptHandler):
                    names = (
                        {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
                        if node.type
                        else {None}
                    )
                    assert not names & {None, "Exception", "BaseException"}, f"{path}:{node.lineno}"


def _suppresses_all(node):
    """Whether it is ``suppress(Exception)``: the same in other words."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func).split(".")[-1] != "suppress":
        return False
    return bool({ast.unparse(one) for one in node.args} & {"Exception", "BaseException"})


def test_what_suppresses_everything_is_seen():
    calls = ("suppress(Exception)", "contextlib.suppress(OSError, BaseException)", "suppress(OSError)", "f(Exception)")  # fmt: skip
    assert [_suppresses_all(ast.parse(call, mode="eval").body) for call in calls] == [True, True, False, False]  # fmt: skip


TABLES = [name for name in vars(receipts.labels) if name.isupper()]


def test_both_sides_have_the_same_tables():
    assert [name for name in vars(verifier.format.labels) if name.isupper()] == TABLES


@pytest.mark.parametrize("name", TABLES)
def test_tables_agree(name):
    issuing = {label: field for field, label in getattr(receipts.labels, name).items()}
    assert issuing == getattr(verifier.format.labels, name)

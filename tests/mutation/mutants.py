"""Finds the places of a module where a mechanical change could go unnoticed, and makes the change in its text.

What is text for people is left alone: docstrings, messages, and what a finding shows; so are types, imports and `__all__`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}  # fmt: skip
OTHER = {"min": "max", "max": "min"}
FOR_PEOPLE = frozenset(
    {"message", "where", "which", "wanted", "what", "words", "shown", "seems", "expected", "actual"}
)
"""Names of variables and arguments that hold text for people."""
Key = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module.

    Attributes:
        module: its path from the root of the repository.
        line: where the change is, from 1.
        function: the function around it, with the names of its classes; empty outside of functions.
        before, after: the lines that it touches, without line breaks, indentation and comments.
        begin, end: what is replaced, in bytes of the module.
        text: by what.
        nth: counts the same change of the same lines in one function, from 1.
    """

    module: str
    line: int
    function: str
    before: str
    after: str
    begin: int
    end: int
    text: str
    nth: int = 1

    @property
    def room(self) -> str:
        """The folder of the module, without ``verifier/``."""
        return Path(self.module).parent.name

    @property
    def key(self) -> Key:
        """What it is, wherever it moves in its module."""
        return self.module, self.function, self.before, self.after, self.nth

    def applied(self, source: bytes) -> bytes:
        """The module with the change."""
        return source[: self.begin] + self.text.encode() + source[self.end :]

    def compiles(self, root: Path) -> bool:
        """Whether the change is Python at all."""
        try:
            compile(self.applied((root / self.module).read_bytes()), self.module, "exec")
        except SyntaxError:
            return False
        return True


def mutants_of(root: Path, module: str) -> list[Mutant]:
    """All mutants of a module, in the order of its text."""
    source = (root / module).read_bytes()
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    found: list[Mutant] = []
    times: Counter[tuple[str, str, str]] = Counter()
    for begin, end, text, function in sorted(set(finder.found)):
        first = source.rfind(b"\n", 0, begin) + 1
        last = source.find(b"\n", end)
        head, tail = source[first:begin].decode(), source[end:last].decode()
        before = _flat(source[first:last].decode())
        after = _flat(head + text + tail)
        line = source.count(b"\n", 0, begin) + 1
        times[function, before, after] += 1
        nth = times[function, before, after]
        found.append(Mutant(module, line, function, before, after, begin, end, text, nth))
    return found


def _flat(text: str) -> str:
    return " ".join(" ".join(line.split("  # ")[0] for line in text.splitlines()).split())


class _Finder(ast.NodeVisitor):
    """Collects what can be replaced: begin, end, replacement, function."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.found: list[tuple[int, int, str, str]] = []
        self.functions: list[str] = []
        self.inside = ""
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def begin(self, node: ast.expr | ast.stmt) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr) -> str:
        return self.source[self.begin(node) : self.end(node)].decode()

    def replace(self, begin: int, end: int, text: str) -> None:
        self.found.append((begin, end, text, self.inside))

    def replace_node(self, node: ast.expr | ast.stmt, text: str) -> None:
        self.replace(self.begin(node), self.end(node), text)

    def replace_between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """Replace an operator between two operands."""
        begin = self.source.index(old.encode(), self.end(left), self.begin(right))
        self.replace(begin, begin + len(old), new)

    # What is left alone.

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None: ...
    def visit_Assert(self, node: ast.Assert) -> None: ...
    def visit_Import(self, node: ast.Import) -> None: ...
    def visit_ImportFrom(self, node: ast.ImportFrom) -> None: ...

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in FOR_PEOPLE:
            self.visit(node.value)

    # What holds functions.

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node, node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        if node.name not in ("__repr__", "describe"):
            self.functions.append(ast.unparse(node.returns) if node.returns else "")
            self._inside(node, node.body)
            self.functions.pop()

    def _inside(self, node: ast.ClassDef | ast.FunctionDef, body: list[ast.stmt]) -> None:
        outer, self.inside = self.inside, f"{self.inside}.{node.name}".lstrip(".")
        for statement in body:
            self.visit(statement)
        self.inside = outer

    # Statements.

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Yield | ast.YieldFrom):
            self.replace_node(node, "yield from ()")
        elif not isinstance(node.value, ast.Constant):
            self.replace_node(node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.replace_node(node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self.replace_node(node, "pass")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.replace_node(node, "pass")

    def visit_Delete(self, node: ast.Delete) -> None:
        self.replace_node(node, "pass")

    def visit_Assign(self, node: ast.Assign) -> None:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        if names & (FOR_PEOPLE | {"__all__"}):
            return
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            self.replace_node(node, "pass")
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.replace_node(node, "pass")
        pair = {ast.Add: ("+=", "-="), ast.Sub: ("-=", "+=")}.get(type(node.op))
        if pair and not _is_sequence(node.value):
            self.replace_between(node.target, node.value, *pair)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self.replace_node(node, "pass")
            return
        if self.functions[-1] == "bool":
            self.replace_node(node.value, f"not ({self.text(node.value)})")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in self.text(node.test) and "__name__" not in self.text(node.test):
            self._condition(node.test, "True", "False")
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._condition(node.test, "False")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test, "True", "False")
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._condition(test, "True")
        self.generic_visit(node)

    def _condition(self, test: ast.expr, *values: str) -> None:
        if not isinstance(test, ast.Constant) and not isinstance(test, ast.NamedExpr):
            for value in values:
                self.replace_node(test, value)

    # Expressions.

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, right, operator in zip(operands, operands[1:], node.ops, strict=False):
            self.replace_between(left, right, *COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for value in node.values:  # as if it were not there
            if not isinstance(value, ast.Constant):
                self.replace_node(value, "True" if words[0] == "and" else "False")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.replace_between(left, right, *words)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self.replace_node(node, f"({self.text(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        pair = {ast.Add: ("+", "-"), ast.Sub: ("-", "+")}.get(type(node.op))
        if pair and not _is_sequence(node.left) and not _is_sequence(node.right):
            self.replace_between(node.left, node.right, *pair)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in OTHER:
            self.replace_node(node.func, OTHER[node.func.id])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if type(node.value) is int:
            for step in (1, -1):
                self.replace_node(node, f"{node.value + step}")

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Slice):
            for bound in (node.slice.lower, node.slice.upper):
                if bound is not None and not isinstance(bound, ast.Constant):
                    self.replace_node(bound, "")
        self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> None:
        self._elements(node, node.elts)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        self._elements(node, node.elts)

    def visit_List(self, node: ast.List) -> None:
        self._elements(node, node.elts)

    def _elements(self, node: ast.expr, elements: list[ast.expr]) -> None:
        """Drop each of several codes."""
        if len(elements) > 1 and all(_is_text(element) for element in elements):
            for element in elements:
                end = self.end(element)
                comma = self.source.find(b",", end, self.end(node))
                self.replace(self.begin(element), end if comma < 0 else comma + 1, "")
        self.generic_visit(node)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _is_sequence(node: ast.expr) -> bool:
    """Whether a value is no number, as far as that can be seen: ``-`` would only be a wrong type."""
    kinds = ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp
    return _is_text(node) or isinstance(node, kinds)


def modules(root: Path) -> Iterator[str]:
    """The modules of the verifier's rooms. Its own command line is tried as a whole, by slower tests."""
    for path in sorted((root / "verifier").rglob("*.py")):
        if path.parent.name != "verifier":
            yield path.relative_to(root).as_posix()

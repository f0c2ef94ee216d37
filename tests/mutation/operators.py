"""Every small mistake that a programmer could have made in a module: pure, from text to texts.

Rule: a mutant differs from its source by one expression or one statement, and is named by that
change and not by its line, so that a name outlives the editing around it."""

import ast
from collections import Counter
from dataclasses import dataclass
from difflib import unified_diff

COMPARISONS: dict[type[ast.cmpop], tuple[ast.cmpop, ...]] = {
    ast.Lt: (ast.LtE(), ast.GtE()),
    ast.LtE: (ast.Lt(), ast.Gt()),
    ast.Gt: (ast.GtE(), ast.LtE()),
    ast.GtE: (ast.Gt(), ast.Lt()),
    ast.Eq: (ast.NotEq(),),
    ast.NotEq: (ast.Eq(),),
    ast.Is: (ast.IsNot(),),
    ast.IsNot: (ast.Is(),),
    ast.In: (ast.NotIn(),),
    ast.NotIn: (ast.In(),),
}
"""What stands for a comparison: its neighbour at the boundary, and its opposite."""

ARITHMETIC: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Div(),
    ast.Div: ast.Mult(),
    ast.Pow: ast.Mult(),
    ast.BitAnd: ast.BitOr(),
    ast.BitOr: ast.BitAnd(),
    ast.LShift: ast.RShift(),
    ast.RShift: ast.LShift(),
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}

SILENT = ("log.", "TypeVar(", "count(", "logging.")
"""Calls whose loss no behaviour shows: logging and declarations."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A source with one change. `where` is the function or class, `name` tells it from all others
    of its module."""

    path: str
    line: int
    where: str
    name: str
    source: str
    diff: str


def mutants(path: str, source: str) -> list[Mutant]:
    """All mutants of a module, in the order of its text."""
    found: list[Mutant] = []
    alike: Counter[str] = Counter()
    for where, node, text in _Changes(ast.parse(source)).found:
        changed = _replaced(source, node, text)
        lines = list(unified_diff(source.splitlines(), changed.splitlines(), n=0, lineterm=""))[3:]
        if not lines or not _compiles(changed):
            continue
        old = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
        new = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
        name = f"{where}: {old} => {new}"
        alike[name] += 1
        if alike[name] > 1:
            name += f" ({alike[name]})"
        found.append(Mutant(path, node.lineno, where, name, changed, "\n".join(lines)))
    return found


Spot = ast.expr | ast.stmt


def _replaced(source: str, node: Spot, text: str) -> str:
    """The source with the text of one node replaced; columns count bytes."""
    lines = source.encode().splitlines(keepends=True)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    whole = source.encode()
    return (whole[:start] + text.encode() + whole[end:]).decode()


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Changes(ast.NodeVisitor):
    """Finds (function or class, node, text in its place) for every operator."""

    def __init__(self, module: ast.Module) -> None:
        self.found: list[tuple[str, Spot, str]] = []
        self._path: list[str] = []
        self.visit(module)

    def _add(self, node: Spot, new: str | ast.AST) -> None:
        text = new if isinstance(new, str) else ast.unparse(new)
        self.found.append((".".join(self._path) or "module", node, text))

    def _inside(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._path.append(node.name)
        if not isinstance(node, ast.ClassDef):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self._path.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._inside(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        """An assertion tells the type checker what is so; it decides nothing."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Text for people."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        targets = {name.id for name in node.targets if isinstance(name, ast.Name)}
        if "__slots__" in targets or ast.unparse(node.value).startswith(SILENT):
            return
        if self._in_function():
            self._add(node, "pass")
        self.visit(node.value)

    def _in_function(self) -> bool:
        return bool(self._path) and not self._path[-1][0].isupper()

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(node, "pass")
        self._arithmetic(node)
        self.visit(node.value)

    def _arithmetic(self, node: ast.AugAssign | ast.BinOp) -> None:
        other = ARITHMETIC.get(type(node.op))
        if other is not None:
            self._add(node, _with(node, op=other))

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) or ast.unparse(node).startswith(SILENT):
            return
        self._add(node, "pass")
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add(node, "pass")
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        self._add(node, "pass")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add(node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self._add(node, "pass")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self._add(node, "pass")
        elif not isinstance(node.value, ast.Constant):
            self._add(node, "return None")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self._condition(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def _condition(self, test: ast.expr) -> None:
        """The opposite of a condition, where no comparison or `not` in it gives that."""
        if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant):
            self._add(test, f"not ({ast.unparse(test)})")

    def visit_Compare(self, node: ast.Compare) -> None:
        for index, op in enumerate(node.ops):
            for other in COMPARISONS[type(op)]:
                ops = [*node.ops[:index], other, *node.ops[index + 1 :]]
                self._add(node, _with(node, ops=ops))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._add(node, _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or()))
        for index in range(len(node.values)):
            rest = [*node.values[:index], *node.values[index + 1 :]]
            self._add(node, rest[0] if len(rest) == 1 else _with(node, values=rest))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self._add(node, node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        other = ARITHMETIC.get(type(node.op))
        if other is not None:
            self._add(node, _with(node, op=other))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            self._add(node.func, CALLS[node.func.id])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add(node, str(not node.value))
        elif isinstance(node.value, int | float):
            self._add(node, repr(node.value + 1))
            self._add(node, repr(node.value - 1))


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of a node with other fields."""
    return type(node)(**{**{name: getattr(node, name) for name in node._fields}, **fields})

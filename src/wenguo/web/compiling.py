"""How templates become Python: what never changes is worked out once, the rest is written without detours.

- A call whose answer is known when a template is compiled (`CONSTANT`) gives way to the answer, and an included
  template of nothing but such text to the text.
- A template, a block and a macro each join what they write, and hand it on as one piece.
- Plain functions (`PLAIN`) and macros of imported files are called directly; a plain row is asked for its key first.

What a page says is the same; a template does not notice.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable
from functools import cache
from types import FunctionType
from typing import Any

from django.urls import NoReverseMatch
from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator, Frame, MacroRef
from jinja2.exceptions import TemplateNotFound
from jinja2.runtime import Context, Macro, missing
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, _escape_inner, escape


def written(value: Any) -> str:
    """What a page says of a value, escaped."""
    kind = type(value)
    if kind is str:
        return _escape_inner(value)
    return value if kind is Markup else escape(value)


class _Said(NodeTransformer):
    """The tree of a template, with all that can be said beforehand."""

    def __init__(self, environment: Compiling) -> None:
        self.environment = environment

    def visit_Call(self, node: nodes.Call) -> nodes.Expr:
        self.generic_visit(node)
        if not isinstance(node.node, nodes.Name) or node.dyn_args or node.dyn_kwargs:
            return node
        name = node.node.name
        said = self.environment.constant.get(name)
        if said and all(map(_is_constant, [*node.args, *node.kwargs])):
            args, named = [a.as_const() for a in node.args], dict(k.as_const() for k in node.kwargs)
            try:
                return nodes.Const(said(*args, **named), lineno=node.lineno)
            except NoReverseMatch:  # an address that is not there; said when, and if, the page comes to it
                pass
        if name in self.environment.plain:
            node.node = nodes.EnvironmentAttribute(f"plain_{name}", lineno=node.lineno)
        return node

    def visit_Include(self, node: nodes.Include) -> Any:
        """An included text that depends on nothing is put in its place; not while templates are being written."""
        if self.environment.auto_reload or not isinstance(node.template, nodes.Const):
            return node
        try:
            assert self.environment.loader is not None
            name = node.template.value
            source, filename, _fresh = self.environment.loader.get_source(self.environment, name)
        except TemplateNotFound:
            return node
        body = self.environment._parse(source, name, filename).body
        plain = all(isinstance(n, nodes.Output) and all(map(_is_text, n.nodes)) for n in body)
        return body if plain else node


def _is_constant(node: nodes.Node) -> bool:
    return isinstance(node.value if isinstance(node, nodes.Keyword) else node, nodes.Const)


def _is_text(node: nodes.Node) -> bool:
    return isinstance(node, nodes.TemplateData | nodes.Const)


class _Writing(CodeGenerator):
    imported: frozenset[str] = frozenset()

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        self.imported = frozenset(n.target for n in node.find_all(nodes.Import))
        super().visit_Template(node, frame)

    def write_commons(self) -> None:
        self.writeline("written = environment.written")
        self.writeline("asked = environment.getattr")
        super().write_commons()

    def blockvisit(self, nodes: Iterable[nodes.Node], frame: Frame) -> None:
        """A template and a block gather what they write, as macros do, and yield it whole."""
        if frame.buffer is not None:
            super().blockvisit(nodes, frame)
            return
        self.buffer(frame)
        super().blockvisit(nodes, frame)
        self.writeline(f"yield concat({frame.buffer})")
        frame.buffer = None

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        """Texts are the most of what a page writes: they are escaped without becoming a `Markup` each on their way."""
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None:
            self.write("written(")
        else:
            super()._output_child_pre(node, frame, finalize)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        """`row.number` of a plain row finds its key at once, before any method of that name."""
        if not isinstance(node.node, nodes.Name):
            self.write("asked(")
            self.visit(node.node, frame)
            self.write(f", {node.attr!r})")
            return
        self.write("(")
        self.visit(node.node, frame)
        self.write(f"[{node.attr!r}] if type(")
        self.visit(node.node, frame)
        self.write(f") is dict and {node.attr!r} in ")
        self.visit(node.node, frame)
        self.write(" else asked(")
        self.visit(node.node, frame)
        self.write(f", {node.attr!r}))")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        if forward_caller or not self._is_direct(node):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        if isinstance(node.node, nodes.Getattr):
            self.visit(node.node.node, frame)
            self.write(f".{node.node.attr}(")
        else:
            self.visit(node.node, frame)
            self.write("(")
        for arg in [*node.args, *node.kwargs]:
            self.visit(arg, frame)
            self.write(", ")
        self.write(")")

    def _is_direct(self, node: nodes.Call) -> bool:
        if node.dyn_args or node.dyn_kwargs or any(keyword.iskeyword(k.key) for k in node.kwargs):
            return False
        if isinstance(node.node, nodes.Getattr):
            owner = node.node.node
            if isinstance(owner, nodes.Const):  # a sentence that is filled in
                return type(owner.value) is str and node.node.attr == "format"
            return isinstance(owner, nodes.Name) and owner.name in self.imported  # a macro of another file
        return isinstance(node.node, nodes.EnvironmentAttribute)

    def macro_def(self, macro_ref: MacroRef, frame: Frame) -> None:
        """A macro that takes its own arguments and no more is a plain function."""
        node = macro_ref.node
        simple = isinstance(node, nodes.Macro) and not (
            macro_ref.accesses_kwargs or macro_ref.accesses_varargs or macro_ref.accesses_caller
        )
        if not simple:
            super().macro_def(macro_ref, frame)
            return
        names = "".join(f"{arg.name!r}, " for arg in node.args)
        self.write(f"environment.macro(macro, ({names}))")


class _Context(Context):
    def call(self, called: Any, *args: Any, **kwargs: Any) -> Any:
        """Macros and plain functions are called without being asked what else they may want to know."""
        if type(called) is Macro or (type(called) is FunctionType and not hasattr(called, "jinja_pass_arg")):
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return called(self.eval_ctx, *args, **kwargs) if type(called) is Macro else called(*args, **kwargs)
        return super().call(called, *args, **kwargs)


class Compiling(Environment):
    """Jinja's environment, for one language. `constant`: functions that give the same for the same arguments as long
    as the process lives; `plain`: functions that need nothing of the page. No page may use their names otherwise.
    """

    code_generator_class = _Writing
    context_class = _Context
    written = staticmethod(written)
    constant: dict[str, Callable[..., Any]]
    plain: dict[str, Callable[..., Any]]

    def knows(self, constant: dict[str, Callable[..., Any]], plain: dict[str, Callable[..., Any]]) -> None:
        self.constant, self.plain = constant, plain
        for name, function in plain.items():
            setattr(self, f"plain_{name}", function)
        self.globals.update({**constant, **plain})

    @staticmethod
    def macro(function: Callable[..., str], names: tuple[str, ...]) -> Callable[..., Markup]:
        return _maker(names)(function)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed: nodes.Template = _Said(self).visit(super()._parse(source, name, filename))
        return parsed

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def _maker(names: tuple[str, ...]) -> Callable[..., Any]:
    """Makes of a macro's body, which wants all arguments, a function that may be called without some."""
    made: dict[str, Any] = {"Markup": Markup, "missing": missing}
    taken = ", ".join(f"{name}=missing" for name in names)
    exec(f"def make(body):\n  return lambda {taken}: Markup(body({', '.join(names)}))", made)
    make: Callable[..., Any] = made["make"]
    return make

"""Templates in announcements: what is in a message, and what a command looks like.

They are Home Assistant's, on Jinja, and everybody who may write to the broker may write them. So
they run in Jinja's sandbox, with only the filters and functions that devices use, and with limits:
on the length of a template, of its output and of every text on the way, on the steps of its loops,
and on the processor time of one rendering. Whatever goes wrong is `NotUnderstood`.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import date
from typing import Any, cast

from jinja2 import TemplateError, meta, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, pass_context
from jinja2.visitor import NodeTransformer

from hub.devices.mqtt.component import NotUnderstood
from hub.devices.mqtt.functions import (
    FILTERS,
    FUNCTIONS,
    TESTS,
    checked_format,
    checked_size,
    joined,
    replaced,
    time_text,
    weight,
)

MAX_TEMPLATE = 16_384
"""Characters of a template."""
MAX_STEPS = 10_000
"""Rounds of loops and calls in one rendering."""
MAX_MADE = 2_000_000
"""Characters and entries of lists that one rendering makes, one after another."""
MAX_SECONDS = 0.25
"""Processor time of one rendering; usual ones take 0.0001 s."""
SLOW_SECONDS = 0.05
MAX_SLOW = 5
"""Times that a template may take so long before it is run no more: messages can come all day."""
MAX_RANGE = 1_000
MAX_BITS = 1_024
"""Of a whole number."""

JINJA_FILTERS = (
    "abs attr capitalize count d default dictsort e escape first groupby items last length list"
    " lower map random reject rejectattr reverse safe select selectattr sort string sum title"
    " trim truncate unique upper urlencode wordcount"
).split()
"""Jinja's own that make nothing much longer than what they were given."""

TEXT_METHODS = frozenset(
    "capitalize casefold count endswith find format index isalnum isalpha isdecimal isdigit"
    " islower isnumeric isspace istitle isupper join lower lstrip partition removeprefix"
    " removesuffix replace rfind rindex rpartition rsplit rstrip split splitlines startswith strip"
    " swapcase title upper".split()
)

ELSEWHERE = frozenset(
    "area_devices area_entities area_id area_name areas closest config_entry_id device_attr"
    " device_entities device_id device_name distance expand floor_id floor_name floors has_value"
    " integration_entities is_device_attr is_hidden_entity is_state is_state_attr label_id labels"
    " lipsum relative_time state_attr state_attr_translated state_translated states time_since"
    " time_until trigger".split()
)
"""Names that would ask about other entities, which a device knows nothing of."""

REFUSED = (
    nodes.AssignBlock, nodes.Block, nodes.CallBlock, nodes.Extends, nodes.FilterBlock,
    nodes.FromImport, nodes.Import, nodes.Include, nodes.Macro,
)  # fmt: skip
"""Statements that no announcement needs, and with which texts could grow unseen."""


class Budget:
    """What is left for one rendering."""

    __slots__ = ("_began", "_made", "_steps")

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._made = MAX_MADE
        self._began = time.thread_time()

    @property
    def seconds(self) -> float:
        """Processor time since it was given."""
        return time.thread_time() - self._began

    def take(self, made: Any = None) -> None:
        """A step, and what it made."""
        self._steps -= 1
        if isinstance(made, str | list):
            self._made -= len(made)
        if self._steps < 0 or self._made < 0 or self.seconds > MAX_SECONDS:
            raise NotUnderstood("a template takes too long")


_budget: ContextVar[Budget | None] = ContextVar("template budget", default=None)


def _take(made: Any = None) -> None:
    if (budget := _budget.get()) is not None:
        budget.take(made)


def _paid(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same filter, as a step of the rendering. Jinja's marks on it are kept."""

    @functools.wraps(function)
    def step(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        _take(result)
        return result

    return step


def _rounds(values: Iterable[Any]) -> Iterator[Any]:
    """What a loop goes through."""
    for value in values:
        _take()
        yield value


def _weighed(value: Any) -> Any:
    """A list, tuple or dictionary that was written in the template."""
    weight(value)
    return value


class _Namespace(Namespace):
    """Does not show what is in it: it may be in itself."""

    def __repr__(self) -> str:
        return "<Namespace>"


def _range(*limits: int) -> range:
    numbers = range(*limits)
    if len(numbers) > MAX_RANGE:
        raise NotUnderstood(f"a template counts further than {MAX_RANGE}")
    return numbers


@pass_context
def _as_it_is(context: Context, value: Any) -> Any:
    """Output unchanged. Since it asks for the context, Jinja computes nothing while it compiles,
    where no limit holds."""
    return value


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with limits on what an expression can make."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            optimized=False,
            cache_size=0,
            finalize=_as_it_is,
            extensions=["jinja2.ext.loopcontrols"],
        )
        own = {name: self.filters[name] for name in JINJA_FILTERS}
        self.filters = {name: _paid(each) for name, each in (own | dict(FILTERS)).items()}
        self.filters |= {"_rounds": _rounds, "_joined": _paid(joined), "_weighed": _weighed}
        self.tests |= TESTS
        self.globals = {"dict": dict, "namespace": _Namespace, "range": _range, **FUNCTIONS}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, bool | int | float | bytes):
            return False
        if isinstance(obj, str):
            return attr in TEXT_METHODS
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        made = super().wrap_str_format(value)
        if made is None:
            return None
        template = str(value.__self__)

        def bounded(*arguments: Any, **named: Any) -> str:
            checked_format(template, [*arguments, *named.values()])
            return made(*arguments, **named)

        return bounded

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        owner, name = getattr(__obj, "__self__", None), getattr(__obj, "__name__", "")
        if isinstance(owner, str) and name == "replace":
            result: Any = replaced(owner, *args, **kwargs)
        elif isinstance(owner, str) and name == "join":
            result = joined(args[0], owner)
        elif isinstance(owner, date) and name == "strftime":
            result = time_text(owner, *args)
        else:
            result = super().call(__context, __obj, *args, **kwargs)
        if isinstance(result, dict):
            weight(result)
        _take(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        sizes = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
        if operator == "+":
            checked_size(sum(sizes))
        elif operator == "%" and isinstance(left, str):
            checked_format(left, right if isinstance(right, tuple) else (right,))
        elif operator == "*" and sizes:
            times = right if isinstance(right, int) else left
            checked_size(sizes[0] * times if isinstance(times, int) else 0)
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            _check_bits(left.bit_length() * abs(right))
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, int):
            _check_bits(result.bit_length())
        elif isinstance(result, str | list | tuple):
            weight(result)
            _take(result)
        return result


def _check_bits(bits: int) -> None:
    if bits > MAX_BITS:
        raise NotUnderstood("a template makes a number that is too large")


class _Bounding(NodeTransformer):
    """Puts a step into each round of a loop, and a limit on texts put together with `~`."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        if isinstance(node, REFUSED):
            raise NotUnderstood(f"a template has a statement that is not taken: {_name(node)}")
        return super().generic_visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            raise NotUnderstood("a template has a statement that is not taken: recursive for")
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "_rounds")
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, "_weighed")

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, "_weighed")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, "_weighed") if node.ctx == "load" else node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes), "_joined")


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(cast(nodes.Expr, node), name, [], [], None, None)


def _name(node: nodes.Node) -> str:
    return type(node).__name__.lower()


def _first(error: BaseException) -> str:
    """The first line of what it says."""
    return (str(error).splitlines() or [type(error).__name__])[0]


_sandbox = Sandbox()


class Template:
    """A template, compiled."""

    def __init__(self, source: str) -> None:
        """Raises NotUnderstood for one that is wrong, too long, or asks for what there is not."""
        if len(source) > MAX_TEMPLATE:
            raise NotUnderstood(f"a template of {len(source)} characters is too long")
        try:
            tree = _Bounding().visit(_sandbox.parse(source))
            tree.set_environment(_sandbox)
            names = meta.find_undeclared_variables(tree) & ELSEWHERE
            if names:
                raise NotUnderstood(f"a template asks for {', '.join(sorted(names))}")
            code = _sandbox.compile(tree)
            self._compiled = _sandbox.template_class.from_code(
                _sandbox, code, dict(_sandbox.globals)
            )
        except (TemplateError, RecursionError, SyntaxError, ValueError, MemoryError) as error:
            if isinstance(error, NotUnderstood):
                raise
            raise NotUnderstood(
                f"the template {source[:100]!r} is wrong: {_first(error)}"
            ) from None
        self.source = source
        self._slow = 0

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text it makes, without space around it. Raises NotUnderstood."""
        if self._slow >= MAX_SLOW:
            raise NotUnderstood(f"the template {self.source[:100]!r} took too long too often")
        budget = Budget()
        token = _budget.set(budget)
        parts, size = [], 0
        try:
            # Not by `Template.render`: that rewrites the traceback of each error, which takes
            # longer than the rendering, and a device may send nonsense all day.
            for part in self._compiled.root_render_func(
                self._compiled.new_context(dict(variables))
            ):
                parts.append(part)
                checked_size(size := size + len(part))
        except NotUnderstood:
            raise
        except Exception as error:  # an expression can raise whatever Python has
            raise NotUnderstood(
                f"the template {self.source[:100]!r} fails: {_first(error)}"
            ) from None
        finally:
            _budget.reset(token)
            self._slow += budget.seconds > SLOW_SECONDS
        return "".join(parts).strip()

    def value(self, payload: str, variables: Mapping[str, Any] | None = None) -> str:
        """What a message says, by a value template. Raises NotUnderstood."""
        given: dict[str, Any] = {"value": payload, **(variables or {})}
        content = read_json(payload)
        if content is not NOT_JSON:
            given["value_json"] = content
        return self.render(given)


@functools.lru_cache(maxsize=2048)
def template(source: str) -> Template:
    """The template, compiled once. Many devices of one kind share theirs."""
    return Template(source)


NOT_JSON: Any = object()


@functools.lru_cache(maxsize=8)
def read_json(payload: str) -> Any:
    """The content of a message in JSON, or NOT_JSON. Not to be changed: it is kept, since most
    devices tell everything in one message, which each of their templates reads."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return NOT_JSON

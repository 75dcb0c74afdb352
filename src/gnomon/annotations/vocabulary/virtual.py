"""Virtual flags: expressions over flags, evaluated when they are asked for.

In an expression a name is true where the flag is set, and false where it is not, whether it was examined or
not: ``clouds & !recovered`` holds where clouds are set and nobody said that they did no harm. So what nobody
examined never hides a fault. Where the expression is false, the answer is only *examined* if the flags that
could have made it true were examined; otherwise nothing is known.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from gnomon.annotations.effective import Claim, EffectiveFlag, Reason
from gnomon.annotations.model import FlagState
from gnomon.annotations.vocabulary.flags import VirtualFlag
from gnomon.errors import ExpressionError, VocabularyError
from gnomon.expressions import parse, tree

__all__ = ["evaluate", "needs", "order"]

_Truth = Callable[[str], bool | None]


def needs(expression: str) -> tuple[str, ...]:
    """Say which flags an expression is made of.

    Parameters
    ----------
    expression
        Flags, ``AND``, ``OR``, ``NOT`` (or ``&``, ``|``, ``!``), ``TRUE``, ``FALSE`` and parentheses.

    Returns
    -------
    tuple of str
        Their names, in order of appearance.

    Raises
    ------
    ExpressionError
        If it is no expression, or has something else in it.
    """
    found: dict[str, int] = {}
    for node in _root(expression).walk():
        if isinstance(node, tree.Name):
            found.setdefault(_flag(node.name), node.position)
        elif not isinstance(node, tree.And | tree.Or | tree.Not | tree.Truth):
            raise ExpressionError(f"In a virtual flag stand flags, AND, OR and NOT, and not {node}.")
    return tuple(sorted(found, key=lambda name: found[name]))


def order(names: Iterable[str], virtual: Mapping[str, VirtualFlag]) -> list[str]:
    """Put virtual flags into an order in which each comes after those that it needs.

    Parameters
    ----------
    names
        Flags, virtual or not.
    virtual
        The virtual flags by name.

    Returns
    -------
    list of str
        The virtual ones among ``names``, and those that they need.

    Raises
    ------
    VocabularyError
        If one leads back to itself; the message shows the circle.
    """
    done: dict[str, None] = {}
    for start in names:
        path: list[str] = []
        _visit(start, virtual, done, path)
    return list(done)


def _visit(name: str, virtual: Mapping[str, VirtualFlag], done: dict[str, None], path: list[str]) -> None:
    if name not in virtual or name in done:
        return
    if name in path:
        circle = " -> ".join([*path[path.index(name) :], name])
        raise VocabularyError(f"A virtual flag leads back to itself: {circle}.")
    path.append(name)
    for needed in virtual[name].needs:
        _visit(needed, virtual, done, path)
    path.pop()
    done[name] = None


def evaluate(flag: VirtualFlag, known: Sequence[EffectiveFlag]) -> EffectiveFlag | None:
    """Say what holds of a virtual flag at one target.

    Parameters
    ----------
    flag
        The virtual flag.
    known
        The effective flags of that target, at least one, virtual ones that it needs among them.

    Returns
    -------
    EffectiveFlag or None
        With the flags from which it follows; None if nothing is known.
    """
    by_name = {held.flag: held for held in known if held.flag in flag.needs}
    if not by_name:
        return None

    def truth(name: str) -> bool | None:
        return None if name not in by_name else by_name[name].state == "set"

    root = _root(flag.expression)
    state: FlagState
    if _value(root, lambda name: bool(truth(name))):
        state = "set"
        causes = [held for held in by_name.values() if held.state == "set"] or list(by_name.values())
    elif _value(root, truth) is None:
        return None
    else:
        causes = list(by_name.values())
        state = "clear" if any(held.state == "clear" for held in causes) else "examined"
    first = causes[0]
    reason = f"{flag.expression}: {', '.join(f'{held.flag} {held.state}' for held in causes)}"
    claim = first.claim._replace(flag=flag.name, state=state, version=flag.version, reason=reason)
    return EffectiveFlag(
        first.target,
        flag.name,
        state,
        claim,
        first.policy,
        first.cut,
        any(held.conflict for held in causes),
        _reasons(claim),
        tuple(causes),
    )


def _reasons(claim: Claim) -> tuple[Reason, ...]:
    return (Reason(claim, "holds", "virtual"),)


@lru_cache(maxsize=1024)
def _root(expression: str) -> tree.Node:
    return parse(expression).root


def _flag(name: str) -> str:
    return name.replace(".", "/") if name.startswith("user.") else name


def _value(node: tree.Node, truth: _Truth) -> bool | None:
    """Evaluate with three values, None being unknown."""
    match node:
        case tree.Name():
            return truth(_flag(node.name))
        case tree.Truth():
            return node.value
        case tree.Not():
            inner = _value(node.operand, truth)
            return None if inner is None else not inner
        case tree.And():
            values = [_value(operand, truth) for operand in node.operands]
            return False if False in values else None if None in values else True
        case tree.Or():
            values = [_value(operand, truth) for operand in node.operands]
            return True if True in values else None if None in values else False
    raise ExpressionError(f"{node} is no part of a virtual flag.")

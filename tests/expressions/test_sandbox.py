"""No template reaches Python: no attributes, no calls but listed ones, no modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowbook.errors import ExpressionError
from flowbook.expressions.render import Scope, render, render_typed


class Host:
    """An object that a host should never have put in."""

    secret = "hidden"

    def reveal(self) -> str:
        return self.secret

    def __repr__(self) -> str:
        return "host"


def hidden() -> str:
    return "hidden"


VARIABLES: dict[str, Any] = {
    "s": "text",
    "l": [1],
    "m": {"k": 1},
    "n": 1,
    "host": Host(),
    "f": hidden,
    "cls": Host,
}
ESCAPES = [
    "{{ s.__class__ }}",
    "{{ s['__class__'] }}",
    "{{ s | attr('__class__') }}",
    "{{ [s] | map(attribute='__class__') }}",
    "{{ [s] | map('__class__') }}",
    "{{ [s] | selectattr('__class__') | list }}",
    "{{ [s] | sum(attribute='__class__') }}",
    "{{ [s] | groupby('__class__') }}",
    "{{ [s] | sort(attribute='__class__') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ '{0.__class__}'.format(s) }}",
    "{{ '{0[secret]}'.format(host) }}",
    "{{ '%(x.__class__)s' | format(x=s) }}",
    "{{ host.secret }}",
    "{{ host.reveal() }}",
    "{{ cls() }}",
    "{{ f() }}",
    "{{ f }}",
    "{{ m.f() }}",
    "{{ self }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ loop.__init__.__globals__ }}",
    "{% for x in l %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in l %}{{ loop._iterable }}{% endfor %}",
    "{% macro m1() %}{% endmacro %}{{ m1.__globals__ }}",
    "{% macro m1() %}{% endmacro %}{{ m1.name }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ lipsum.__globals__ }}",
    "{{ joiner() }}",
    "{{ config }}{{ request }}",
    "{{ environment }}",
    "{{ context }}",
    "{{ now().__reduce__() }}",
    "{{ now().tzinfo }}",
    "{{ now().__class__ }}",
    "{{ m.items.__self__ }}",
    "{{ m.__class__ }}",
    "{{ m.pop('k') }}",
    "{{ l.clear() }}",
    "{{ l.append.__self__ }}",
    "{{ n.__class__ }}{{ n.real }}",
    "{{ 1.0.hex() }}",
    "{{ s.encode() }}",
    "{{ s.translate({}) }}",
    "{{ s.format_map(m) }}",
    "{{ printContext.__globals__ }}",
    "{{ range.__class__ }}",
    "{{ dict.__base__ }}",
    "{{ namespace.__init__ }}",
    "{% set x = host %}{{ x.reveal() }}",
    "{{ host | string | attr('__class__') }}",
    "{% call s() %}{% endcall %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% do l.append(1) %}",
    "{% with x = 1 %}{{ x.__class__ }}{% endwith %}",
    "{{ caller() }}",
    "{{ kwargs }}{{ varargs }}",
    "{{ [].append.__self__.__class__ }}",
    "{{ ('a' | escape).__html__() }}",
    "{{ x(*l) }}",
    "{{ max(**m) }}",
    "{{ [1] | map('attr', '__class__') }}",
    "{{ [1] | map('map', attribute='__class__') }}",
    "{{ yaml('!!python/object/apply:os.getcwd []') }}",
    "{{ yaml('!!python/name:os.system') }}",
]


@pytest.mark.parametrize("dialect", ["kestra", "seed"])
@pytest.mark.parametrize("template", ESCAPES)
def test_a_template_doesnt_reach_python(template: str, dialect: str) -> None:
    scope = Scope(VARIABLES, dialect=dialect)
    try:
        found = render(template, scope)
    except ExpressionError:
        return
    assert "hidden" not in found
    assert "<class" not in found
    assert "<function" not in found
    assert "object at" not in found
    assert "builtin" not in found


def test_values_of_the_scope_are_never_changed() -> None:
    variables = {"l": [3, 1], "m": {"k": {"x": 1}}}
    render(
        "{{ l | sort }}{{ l + 1 }}{{ l.append(2) }}{{ m | merge({'k': 2}) }}{{ l | reverse }}{% set l = [] %}{{ l | default([1]) }}",
        Scope(variables),
    )
    assert variables == {"l": [3, 1], "m": {"k": {"x": 1}}}


def test_jq_reads_no_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('"hidden"')
    program = f'import "{tmp_path}/a" as $a; $a'
    with pytest.raises(ExpressionError):
        render_typed("{{ 1 | jq(p) }}", Scope({"p": program}))

"""What algorithms and flows share: declared parameters, validation, exact repr, schedules."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any, ClassVar, Self, dataclass_transform

from dynopt.core.parameter import Domain, Parameter, is_schedule, is_symbolic, number, option
from dynopt.errors import Misuse, closest


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(number, option))
class System:
    """A frozen record of declared parameters; subclasses become keyword-only frozen dataclasses by themselves."""

    name: ClassVar[str] = ""
    """The name on the command line."""
    references: ClassVar[tuple[str, ...]] = ()
    """Where the definition comes from."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, kw_only=True, repr=False)(cls)
        cls.name = cls.__dict__.get("name") or cls.__name__.lower()

    def __post_init__(self) -> None:
        for parameter in self.parameters():
            cleaned = parameter.clean(self.name, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, cleaned)
        self.check()

    def laws(self) -> tuple[Any, ...]:
        """Expressions in the parameters that must be positive where the method is defined; none unless declared."""
        return ()

    def check(self) -> None:
        """Laws between parameters; override and raise `Misuse`."""

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """The declared parameters, in order."""
        return tuple(
            Parameter(f.name, default=None if f.default is dataclasses.MISSING else f.default, **f.metadata["parameter"])
            for f in dataclasses.fields(cls)  # type: ignore[arg-type]
            if "parameter" in f.metadata
        )

    @classmethod
    def numbers(cls) -> tuple[Parameter, ...]:
        """The numeric parameters alone (options left out)."""
        return tuple(p for p in cls.parameters() if p.domain is not None)

    @classmethod
    def parameter(cls, name: str) -> Parameter:
        """One declared parameter by name; `Misuse` names the closest when there is none."""
        known = {p.name: p for p in cls.parameters()}
        if name not in known:
            raise Misuse(f"{cls.name} has no parameter {name!r}; {closest(name, known)}")
        return known[name]

    @classmethod
    def make(cls, **values: Any) -> Self:
        """The constructor, with `Misuse` for an unknown or a missing parameter."""
        for name in values:
            cls.parameter(name)
        missing = [p for p in cls.parameters() if p.required and p.name not in values]
        if missing:
            p = missing[0]
            raise Misuse(f"{cls.name} needs {p.name} ({p.meaning}); give a value in {p.domain}, as in {cls.name}({p.name}=...)")
        return cls(**values)

    @classmethod
    def unchecked(cls, **values: Any) -> Self:
        """A record of these values as they are, one for every parameter.

        For carriers that bring numbers of their own, such as one for each parameter group, checked before.
        """
        system = object.__new__(cls)
        for name, value in values.items():
            object.__setattr__(system, name, value)
        return system

    def replace(self, **values: Any) -> Self:
        """A copy with some parameters changed (and validated)."""
        for name in values:
            self.parameter(name)
        return dataclasses.replace(self, **values)  # type: ignore[type-var]

    def at(self, index: Any) -> Self:
        """This system with its schedules evaluated at iteration (or time) ``index``."""
        scheduled = {p.name: v(index) for p in self.numbers() if is_schedule(v := getattr(self, p.name))}
        return self.replace(**scheduled) if scheduled else self

    def numeric(self) -> Self:
        """This system in floating point: exact numbers become floats; a free symbol is `Misuse`."""
        values: dict[str, Any] = {}
        for p in self.numbers():
            value = getattr(self, p.name)
            if is_symbolic(value):
                raise Misuse(f"{self.name}: {p.name} is still the symbol {value}; give it a number to run {self.name}")
            if not is_schedule(value):
                values[p.name] = float(value)
        return self.replace(**values)

    def __repr__(self) -> str:
        def show(value: Any) -> str:
            return str(value) if isinstance(value, Fraction) or hasattr(value, "free_symbols") else repr(value)

        inside = ", ".join(f"{p.name}={show(getattr(self, p.name))}" for p in self.parameters())
        return f"{type(self).__name__}({inside})"

    def call(self) -> str:
        """This system as a call of the command line, options at their default left out.

        It names parameters exactly, so that parsing it gives the system back.
        """
        shown = [p for p in self.parameters() if p.required or getattr(self, p.name) != p.default]
        inside = ", ".join(f"{p.name}={getattr(self, p.name)}" for p in shown)
        return f"{self.name}({inside})" if inside else self.name


__all__ = ["Domain", "Parameter", "System", "number", "option"]

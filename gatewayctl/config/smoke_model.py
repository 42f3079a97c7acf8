"""The keys of apps.NAME.smoke in gatewayctl.yaml."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from gatewayctl.config.fields import Seconds, StrictConfigModel
from gatewayctl.domain import locust_options, pytest_options

_MOST_USERS = 100_000


def _check_users(value: object) -> object:
    """A number of users, or one for each user class of a locustfile; else ValueError."""
    counts: list[Any] = list(value.values()) if isinstance(value, dict) else [value]
    names = list(value) if isinstance(value, dict) else []
    if not all(type(one) is int and one > 0 for one in counts) or not all(str(one).isidentifier() for one in names):
        raise ValueError(
            f"expected a number such as 20, or user classes such as {{Visitor: 15, Buyer: 5}}, got {value!r}"
        )
    if not 2 <= sum(counts) <= _MOST_USERS:
        raise ValueError(f"expected 2 (one for each version) to {_MOST_USERS:,} users, got {sum(counts)}")
    return value


Users = Annotated[int | dict[str, int], BeforeValidator(_check_users)]


TestName = Annotated[str, Field(pattern=r"^[^:\s/]", max_length=300)]


Reason = Annotated[str, Field(pattern=r"\S", max_length=200)]


def _read_arguments(args: object, example: str, refuse: Callable[[tuple[str, ...]], str]) -> tuple[str, ...]:
    """Words for the command line of a program; ValueError if they are no list of words, or one is refused."""
    if not isinstance(args, list) or not all(type(one) in (str, int) for one in args):
        raise ValueError(f"expected a list such as {example}")
    words = tuple(map(str, args))
    if reason := refuse(words):
        raise ValueError(f"not possible here: {reason}")
    return words


class PytestModel(StrictConfigModel):
    """`apps.NAME.smoke.pytest:`"""

    path: str
    timeout: Seconds = 600.0
    reruns: int = Field(default=0, ge=0, le=5)
    python: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str | None] = Field(default_factory=dict)

    @field_validator("args", mode="before")
    @classmethod
    def _arguments_that_pytest_may_have(cls, args: object) -> object:
        return _read_arguments(args, "[-m, smoke, -n, 4]", pytest_options.refuse_argument)

    @field_validator("env", mode="before")
    @classmethod
    def _variables_that_a_suite_may_have(cls, env: object) -> object:
        """The faults never show a value, because it may be a secret."""
        if not isinstance(env, dict):
            return {}  # a fault of the whole model, see below
        for name, value in env.items():
            if reason := pytest_options.refuse_variable(str(name)):
                raise ValueError(f"not possible here: {reason}")
            if not (value is None or type(value) in (str, int, float)) or "\0" in str(value):
                raise ValueError(f"{name}: expected a text; write it in quotes")
        return {str(name): None if value is None else str(value) for name, value in env.items()}

    @model_validator(mode="before")
    @classmethod
    def _variables_are_a_mapping(cls, model: object) -> object:
        """A fault of `env` itself would show what was found there, such as `[PASSWORD=secret]`."""
        if isinstance(model, dict) and not isinstance(model.get("env", {}), dict):
            raise ValueError("env: expected a mapping of names and values")  # noqa: TRY004 (pydantic takes no other)
        return model

    unproven: dict[TestName, Reason] = Field(default={}, max_length=100)


class LocustModel(StrictConfigModel):
    """`apps.NAME.smoke.locust:`"""

    file: str
    users: Users = 10
    spawn_rate: float = Field(default=10.0, gt=0)
    duration: Seconds = 30.0
    slower: float = Field(default=1.5, ge=1)
    slack: Seconds = 0.010
    more_errors: float = Field(default=0.01, ge=0, le=1)
    samples: int = Field(default=50, ge=1)
    workers: int = Field(default=0, ge=0, le=100)
    max_duration: Seconds = 300.0
    args: tuple[str, ...] = ()

    @field_validator("args", mode="before")
    @classmethod
    def _arguments_that_locust_may_have(cls, args: object) -> object:
        return _read_arguments(args, "[--tags, fast, --item, 3]", locust_options.refuse_argument)

    @property
    def classes(self) -> tuple[tuple[str, int], ...]:
        """How many users each class has; empty when the locustfile says it."""
        return tuple(self.users.items()) if isinstance(self.users, dict) else ()

    @property
    def all_users(self) -> int:
        """The users of all classes."""
        return sum(self.users.values()) if isinstance(self.users, dict) else self.users

    @model_validator(mode="after")
    def _every_worker_has_a_user(self) -> "LocustModel":
        if self.workers > self.all_users:
            raise ValueError(f"{self.workers} workers share {self.all_users} users: every worker needs at least one")
        return self

    @model_validator(mode="after")
    def _limit_is_after_the_duration(self) -> "LocustModel":
        if "max_duration" in self.model_fields_set and self.max_duration < self.duration:
            raise ValueError(f"max_duration is shorter than duration, {self.max_duration:g} s and {self.duration:g} s")
        return self


class SmokeModel(StrictConfigModel):
    """`apps.NAME.smoke:`"""

    pytest: PytestModel | None = None
    locust: LocustModel | None = None

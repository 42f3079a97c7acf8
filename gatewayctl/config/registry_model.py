"""`registry:` of a gateway: where it looks up services that register themselves."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gatewayctl.config.fields import StrictConfigModel

Variable = Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")]
_ONLY_NACOS = ("namespace", "group")


class RegistryModel(StrictConfigModel):
    """`registry:` of a gateway. User and password are never in the file: it names the variables that hold them."""

    kind: Literal["nacos", "eureka", "actuator"]
    url: str = Field(default="", pattern=r"^(https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[\w./~-]*)?)?$")
    namespace: str = ""
    group: str = ""
    user_variable: Variable = ""
    password_variable: Variable = ""

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> "RegistryModel":
        if self.kind == "actuator":
            given = [key for key in ("url", "user_variable", "password_variable") if getattr(self, key)]
            if given:
                raise ValueError(
                    f"{given[0]} goes with kind nacos or eureka: the actuator is at the gateway's admin port"
                )
        elif not self.url:
            raise ValueError(f"kind {self.kind} needs url, for example {_EXAMPLES[self.kind]}")
        if self.kind != "nacos" and (given := [key for key in _ONLY_NACOS if getattr(self, key)]):
            raise ValueError(f"{given[0]} goes with kind nacos")
        if bool(self.user_variable) != bool(self.password_variable):
            raise ValueError("user_variable and password_variable go together")
        return self


_EXAMPLES = {"nacos": "http://nacos:8848/nacos", "eureka": "http://eureka:8761/eureka"}

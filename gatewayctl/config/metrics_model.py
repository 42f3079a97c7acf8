"""`metrics:` of gatewayctl.yaml: the servers that know the figures of both versions."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from gatewayctl.config.fields import Seconds, StrictConfigModel
from gatewayctl.domain.judge.figures import DURATIONS, QUANTILE, SHARES
from gatewayctl.domain.prometheus import PLACES, CounterQueries, SignalQuery, is_selector, unknown_places

_LONGEST = 2000  # characters of a query; it is sent in a URL


def _check_places(query: str) -> str:
    if wrong := unknown_places(query):
        known = ", ".join(f"${name}" for name in PLACES)
        raise ValueError(f"{wrong[0]} is no placeholder; there are {known}")
    return query


def _check_selector(query: str) -> str:
    if query and not is_selector(query):
        raise ValueError(
            'expected a counter with its labels and no function, for example http_requests_total{job="shop"}'
        )
    return _check_places(query)


Query = Annotated[str, Field(max_length=_LONGEST), AfterValidator(_check_places)]
Selector = Annotated[str, Field(max_length=_LONGEST), AfterValidator(_check_selector)]
Label = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
SignalName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w{0,62}$")]


class CountersModel(StrictConfigModel):
    """`metrics.prometheus.counters:`"""

    requests: Annotated[Selector, Field(min_length=1)]
    error_label: Label
    error_values: str = Field(min_length=1, max_length=200)
    seconds: Selector = ""
    buckets: Selector = ""
    earlier: Selector = ""
    in_milliseconds: bool = False

    @field_validator("error_values")
    @classmethod
    def _is_a_pattern(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as fault:
            raise ValueError(f"is no regular expression: {fault}") from fault
        return text


class SignalModel(StrictConfigModel):
    """One of `metrics.prometheus.signals:`"""

    query: Annotated[Query, Field(min_length=1)]
    stable_query: Query = ""


class PrometheusModel(StrictConfigModel):
    """`metrics.prometheus:`"""

    url: str = Field(pattern=r"^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[\w./~-]*)?$")
    token: str = ""
    ca: str = ""
    timeout: Seconds = Field(default=5.0, le=60)
    every: Seconds = Field(default=15.0, ge=1, le=300)
    stale: Seconds = Field(default=60.0, ge=1, le=600)
    counters: CountersModel | None = None
    signals: dict[SignalName, SignalModel] = Field(default_factory=dict, max_length=50)

    @field_validator("ca")
    @classmethod
    def _fits_the_url(cls, ca: str, info: object) -> str:
        if ca and not str(getattr(info, "data", {}).get("url", "https")).startswith("https"):
            raise ValueError("goes with an url that begins with https")
        return ca

    @field_validator("signals")
    @classmethod
    def _have_names_of_their_own(cls, signals: dict[str, SignalModel]) -> dict[str, SignalModel]:
        for name in signals:
            if name in (*SHARES, *DURATIONS) or QUANTILE.fullmatch(name):
                raise ValueError(f"{name} is a figure of requests; give the signal another name")
        return signals

    @property
    def own_counters(self) -> CounterQueries | None:
        """The counters in domain terms; None: those of the gateway's product."""
        return CounterQueries(**self.counters.model_dump()) if self.counters else None

    @property
    def own_signals(self) -> dict[str, SignalQuery]:
        """The signals in domain terms."""
        return {name: SignalQuery(one.query, one.stable_query) for name, one in self.signals.items()}


class MetricsModel(StrictConfigModel):
    """`metrics:`"""

    prometheus: PrometheusModel

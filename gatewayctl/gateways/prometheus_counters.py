"""The counters that gateway products have in Prometheus, by kind; nginx without further modules has none.

Names as the products document them:
Envoy: /docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats on envoyproxy.io; `upstream_rq_xx` is
counted by answer of a cluster's last attempt, and each failed attempt before it in `upstream_rq_retry`.
Istio: "Istio Standard Metrics". The gateway's own report (`source`) also has the requests that found nobody.
Spring Cloud Gateway: "The Metrics Filter". `NA` is a request without any answer. It has a histogram only with
management.metrics.distribution.percentiles-histogram.
ingress-nginx: "Monitoring". `canary` is empty, or the upstream of the canary's Ingress as namespace-service-port.
Its own labels `namespace` and `service` are there only if Prometheus scrapes it with `honor_labels: true`.
"""

from gatewayctl.domain.prometheus import CounterQueries

_ENVOY = '{envoy_cluster_name="$service"}'
_INGRESS = '{namespace="$namespace",service="$stable",canary=~"$alternative"}'
_ISTIO = '{reporter="source",destination_workload="$workload",destination_workload_namespace="$namespace"}'
_SPRING = '{routeUri=~"[a-z]+://$service(:[0-9]+)?(/.*)?"}'

PROMETHEUS_COUNTERS = {
    "envoy": CounterQueries(
        requests=f"envoy_cluster_upstream_rq_xx{_ENVOY}",
        error_label="envoy_response_code_class",
        error_values="5",
        seconds=f"envoy_cluster_upstream_rq_time_sum{_ENVOY}",
        buckets=f"envoy_cluster_upstream_rq_time_bucket{_ENVOY}",
        earlier=f"envoy_cluster_upstream_rq_retry{_ENVOY}",
        in_milliseconds=True,
    ),
    "ingress-nginx": CounterQueries(
        requests=f"nginx_ingress_controller_requests{_INGRESS}",
        error_label="status",
        error_values="5..",
        seconds=f"nginx_ingress_controller_request_duration_seconds_sum{_INGRESS}",
        buckets=f"nginx_ingress_controller_request_duration_seconds_bucket{_INGRESS}",
    ),
    "istio": CounterQueries(
        requests=f"istio_requests_total{_ISTIO}",
        error_label="response_code",
        error_values="5..|0",
        seconds=f"istio_request_duration_milliseconds_sum{_ISTIO}",
        buckets=f"istio_request_duration_milliseconds_bucket{_ISTIO}",
        in_milliseconds=True,
    ),
    "spring-cloud-gateway": CounterQueries(
        requests=f"spring_cloud_gateway_requests_seconds_count{_SPRING}",
        error_label="httpStatusCode",
        error_values="5..|NA",
        seconds=f"spring_cloud_gateway_requests_seconds_sum{_SPRING}",
        buckets=f"spring_cloud_gateway_requests_seconds_bucket{_SPRING}",
    ),
}
"""By kind of gateway. A kind that is not among them needs counters of its own in gatewayctl.yaml."""

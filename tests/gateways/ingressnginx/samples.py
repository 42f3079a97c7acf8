"""Ingresses as people write them, for the tests of the dialect."""

from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.gateways.ingressnginx.ingress import Ingress
from gatewayctl.gateways.ingressnginx.locate import ingresses_of, read_files

SHOP = """\
# The edge team's.
apiVersion: v1
kind: Service
metadata: {name: orders}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: shop
  annotations:
    nginx.ingress.kubernetes.io/rewrite-target: /$2
    nginx.ingress.kubernetes.io/proxy-read-timeout: "30"
    cert-manager.io/cluster-issuer: letsencrypt
    meta.helm.sh/release-name: shop
spec:
  ingressClassName: nginx
  tls:
  - hosts: [shop.example.com, www.example.com]
    secretName: shop-tls
  rules:
  - host: shop.example.com
    http:
      paths:
      - path: /api/orders(/|$)(.*)
        pathType: ImplementationSpecific
        backend: {service: {name: orders, port: {number: 8080}}}
      - path: /
        pathType: Prefix
        backend: {service: {name: web, port: {name: http}}}
  - host: www.example.com
    http:
      paths:
      - path: /orders
        pathType: Exact
        backend: {service: {name: orders, port: {name: http}}}
# The end of it.
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
"""

CANARY = """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: "gatewayctl-orders-canary.shop"
  namespace: "shop"
  annotations:
    "nginx.ingress.kubernetes.io/canary": "true"
    "nginx.ingress.kubernetes.io/canary-by-header": "x-canary"
    "nginx.ingress.kubernetes.io/canary-by-header-value": "always"
    "nginx.ingress.kubernetes.io/proxy-read-timeout": "30"
    "nginx.ingress.kubernetes.io/rewrite-target": "/$2"
  labels:
    "app.kubernetes.io/managed-by": "gatewayctl"
    "gatewayctl.dev/app": "orders"
spec:
  ingressClassName: "nginx"
  rules:
    - host: "shop.example.com"
      http:
        paths:
          - backend:
              service:
                name: "orders-canary"
                port:
                  number: 8080
            path: "/api/orders(/|$)(.*)"
            pathType: ImplementationSpecific
    - host: "www.example.com"
      http:
        paths:
          - backend:
              service:
                name: "orders-canary"
                port:
                  name: "http"
            path: "/orders"
            pathType: Exact
  tls:
    - hosts:
        - "shop.example.com"
        - "www.example.com"
      secretName: "shop-tls"
"""


def files(*texts: str) -> Files:
    """Files with these texts."""
    return tuple(SourceFile(f"{number}.yaml", text) for number, text in enumerate(texts, 1))


def a_rule(service: str = "orders", app: str = "orders", share: int = 0, canary: str = "orders-canary") -> CanaryRule:
    """The canary rule of an application."""
    return CanaryRule(app, service, canary, Header("x-canary", "always"), "r-1", share=share)


def canaries(found: Files) -> list[Ingress]:
    """The canaries of ours in the files."""
    return [one for one in ingresses_of(read_files(found)) if one.owner]

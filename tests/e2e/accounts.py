"""The ServiceAccount of manifests/rbac.yaml as a kubeconfig: its token, and nothing of the administrator's."""

import json

from gatewayctl.adapters.kubernetes.client.api import Api


def as_account(admin: Api, namespace: str) -> str:
    """The admin's kubeconfig with a token of the account instead."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/gatewayctl/token"
    settings = admin.client.configuration
    cluster = {"server": settings.host, "certificate-authority": settings.ssl_ca_cert}
    user = {"token": admin.create(path, body)["status"]["token"]}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": user}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        }
    )

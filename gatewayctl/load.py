"""The user class for locustfiles that compare: each request goes to stable and canary side by side.

```python
from gatewayctl.load import PairedUser

class Shopper(PairedUser):
    @task
    def look(self):
        self.client.get("/api/orders/items")
```

Under a plain `locust` it is a FastHttpUser and sends each request once.
"""

from typing import Any

from locust import FastHttpUser

from gatewayctl.child_process.pairs import send_pairs


class PairedUser(FastHttpUser):
    """A FastHttpUser whose every request is sent twice, marked and not; a task sees the canary's answer.

    So what a task creates, it creates in both versions; ids that only one of them knows cannot be asked of the other.
    """

    abstract = True
    sends_pairs = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        cohorts = getattr(environment, "gatewayctl_cohorts", None)
        if cohorts is None:
            return
        canary = self.client
        super().__init__(environment)  # a second session with all the settings of the first
        stable, self.client = self.client, canary
        send_pairs(self, canary, stable, cohorts)

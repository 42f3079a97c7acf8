"""A user class for locustfiles: each request is sent to stable and canary, one right after the other.

```python
from gatewayctl.load import PairedUser

class Shopper(PairedUser):
    @task
    def look(self):
        self.client.get("/api/orders/items")
```

When locust is run without gatewayctl, it is a FastHttpUser and sends each request once.
"""

from typing import Any

from locust import FastHttpUser

from gatewayctl.child_process.pairs import send_pairs


class PairedUser(FastHttpUser):
    """A FastHttpUser that sends each request twice, with the header and without; a task gets the canary's answer.

    So a task creates objects in both versions. An id that the canary gave to an object is not known to stable.
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

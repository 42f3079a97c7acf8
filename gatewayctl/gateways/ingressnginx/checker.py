"""Whether files with Ingresses can be read after an edit. The API server checks the rest in a dry run."""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.platform import Validation
from gatewayctl.domain.routing import Files
from gatewayctl.gateways.ingressnginx.locate import ingresses_of, read_files

_NOT_ASKED = "no API server was asked: the Ingresses were only read again"


class IngressChecker:
    """Implements ports.Checker by reading the files again, and by looking for names that occur twice."""

    def check(self, before: Files, after: Files) -> Validation:
        """Whether `after` can be read, and names no Ingress twice that `before` does not."""
        try:
            new = [name for name in _names_twice(after) if name not in _names_twice(before)]
        except Refused as refusal:
            return Validation(ok=False, checked=True, detail=str(refusal))
        if new:
            return Validation(ok=False, checked=True, detail=f"{', '.join(new)}: two Ingresses of this name")
        return Validation(ok=True, checked=False, detail=_NOT_ASKED)


def _names_twice(files: Files) -> list[str]:
    names = [one.full_name for one in ingresses_of(read_files(files))]
    return sorted({name for name in names if names.count(name) > 1})

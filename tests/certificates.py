"""Authorities and certificates for tests, made by openssl; where it is not, the tests that need them are left out."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here (apt-get install openssl)")


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """An authority whose files are in a folder of its own."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, name: str, *names: str, days: int = 30) -> Issued:
        """A certificate for servers of these DNS names and for clients, in files called after `name`."""
        config = self.folder / f"{name}.ext"
        alternatives = ",".join(f"DNS:{one}" for one in names or (name,))
        config.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n")
        made = Issued(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request = self.folder / f"{name}.csr"
        _openssl(f"req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name}", made.key, request)
        signed = ("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial")
        _run(*signed, "-days", days, "-extfile", config, "-out", made.certificate)
        return made

    def lock(self, key: Path, out: Path) -> None:
        """Write the key `key` once more, protected by a passphrase."""
        _run("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", out)


def make_authority(folder: Path, name: str = "test-authority") -> Authority:
    """A new authority in the new folder `folder`."""
    folder.mkdir(parents=True)
    made = Authority(folder)
    _openssl(
        f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN={name}",
        folder / "ca.key",
        made.ca,
    )
    return made


def _openssl(arguments: str, key: Path, out: Path) -> None:
    _run(*arguments.split(), "-keyout", key, "-out", out)


def _run(*words: object) -> None:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)  # noqa: S607
    assert done.returncode == 0, done.stderr

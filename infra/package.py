"""Builds what Lambda unpacks: `python infra/package.py FOLDER [--extras web] [--zip FILE]`.

One build for SAM, Terraform and whoever zips by hand: wheels for the function's platform, byte-compiled for its Python,
and the same bytes each time. Lambda's file system is read-only, so what is not compiled here is compiled at every cold
start, which is most of one; and a pyc with a timestamp is void once a zip has normalised the times.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}  # Amazon Linux 2023
#: What every function needs. boto3 is in the runtime.
TICK = ["sqlalchemy", "psycopg[binary]", "pydantic", "croniter", "alembic", "typing_extensions", "tzdata"]
EXTRAS = {"web": ["fastapi", "mangum", "jinja2"], "seal": ["cryptography"]}
#: Never imported by a function of ours: other databases, test suites, sources of extensions.
IDLE = ["sqlalchemy/dialects/mysql", "sqlalchemy/dialects/mssql", "sqlalchemy/dialects/oracle", "sqlalchemy/testing",
        "alembic/testing", "mako/testing", "croniter/tests", "bin"]  # fmt: skip
SOURCES = {".pyi", ".pyx", ".pxd", ".c", ".h"}


def main() -> None:
    """Builds one folder, and a zip of it if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--extras", default="", help="comma list: " + ", ".join(EXTRAS))
    parser.add_argument("--arch", choices=PLATFORMS, default="arm64")
    parser.add_argument("--python", default="3.12", help="the runtime's minor version; it must be installed here")
    parser.add_argument("--zip", type=Path)
    given = parser.parse_args()
    build(
        given.folder.resolve(), [name for name in given.extras.split(",") if name], arch=given.arch, python=given.python
    )
    size = sum(path.stat().st_size for path in given.folder.rglob("*") if path.is_file())
    print(f"{given.folder}: {size / 1e6:.1f} MB unzipped")
    if given.zip:
        pack(given.folder.resolve(), given.zip)
        print(f"{given.zip}: {given.zip.stat().st_size / 1e6:.1f} MB")


def build(folder: Path, extras: list[str], *, arch: str, python: str) -> None:
    """Fills a folder with dependencies, this library and the handlers, compiled."""
    shutil.rmtree(folder, ignore_errors=True)
    wanted = TICK + [package for name in extras for package in EXTRAS[name]]
    interpreter = found(python)
    uv("pip", "install", "--target", str(folder), "--python", interpreter, "--python-version", python,
       "--python-platform", PLATFORMS[arch], "--only-binary", ":all:", "--constraint", str(constraints(folder)), *wanted)  # fmt: skip
    prune(folder)
    # Others' code as bytecode only: half the size. Ours with its source, for tracebacks, and Alembic reads revisions.
    run(
        interpreter,
        "-m",
        "compileall",
        "-q",
        "-b",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        str(folder),
        "-p",
        "/var/task",
        str(folder),
    )
    for source in folder.rglob("*.py"):
        source.unlink()
    own(folder, web="web" in extras)
    run(interpreter, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", "/var/task",
        *(str(folder / name) for name in ("tickover", "tickover_ui", "handlers") if (folder / name).exists()))  # fmt: skip


def found(python: str) -> str:
    """An interpreter of that minor version: bytecode is good for its own only."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    likely = [os.environ.get("LAMBDA_PYTHON", ""), sys.executable, *map(str, sorted(kept.glob(f"{python}.*/bin/python"))),
              shutil.which(f"python{python}") or ""]  # fmt: skip
    for path in filter(None, likely):
        asked = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        if said == python:
            return path
    sys.exit(f"No Python {python} here, which is the function's: install it, or set LAMBDA_PYTHON to one.")


def constraints(folder: Path) -> Path:
    """The versions that the tests ran with; without hashes, since other platforms have other wheels."""
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split(" ;")[0].rstrip(" \\") for line in lines if line[:1].isalpha()]
    path = Path(tempfile.mkdtemp()) / "constraints.txt"
    path.write_text("\n".join(pins) + "\n", encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    return path


def prune(folder: Path) -> None:
    """Removes what no function imports."""
    for name in IDLE:
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in folder.rglob("*"):
        if path.suffix in SOURCES and path.is_file():
            path.unlink()


def own(folder: Path, *, web: bool) -> None:
    """Copies this library and the handlers, and the dashboard where HTTP is answered; no function has a command line."""
    apart = ["cli", "twin", "testing.py"] if web else ["cli", "twin", "testing.py", "web"]
    sources = [ROOT / "src" / "tickover", ROOT / "handlers", *([ROOT / "ui" / "tickover_ui"] if web else [])]
    for source in sources:
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", *apart))
    about = folder / "tickover-0.1.0.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tickover\nVersion: 0.1.0\n", encoding="utf-8")


def pack(folder: Path, target: Path) -> None:
    """A zip with the same bytes each time: sorted, and all of one moment."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if path.suffix == ".so" else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def uv(*arguments: str) -> str:
    """Runs uv, quietly."""
    return run("uv", *arguments, "--quiet")


def run(*command: str) -> str:
    """Runs a command of this environment, or of the path; what it says on failure ends the build."""
    here = Path(sys.executable).parent / command[0]
    program = str(here) if here.exists() else command[0]
    ended = subprocess.run(
        [program, *command[1:]], capture_output=True, text=True, check=False,
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never", "PYTHONDONTWRITEBYTECODE": ""},
    )  # fmt: skip
    if ended.returncode:
        sys.exit(f"{' '.join(command[:4])} … failed:\n{ended.stderr}{ended.stdout}")
    return ended.stdout


if __name__ == "__main__":
    main()

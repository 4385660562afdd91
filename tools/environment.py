"""Set up the project's own environment in .venv: `python3 tools/environment.py runtime|dev`.

Standard library only. A second call with the same requirement files does nothing. With
CITYGAUGE_WHEELS naming a folder of wheels, everything is installed from there and no index is asked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "citygauge-requirements.txt"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
NEEDED = (3, 11)
# What the tests of the PDF need beside Python: Debian's package → how to tell that it is there.
TOOLS = {"fonts-noto-cjk": "Noto Sans CJK SC", "poppler-utils": "pdftotext"}


def digest(level: str) -> str:
    """Return a line that changes whenever the level's requirements, the package's metadata or Python do."""
    content = (ROOT / f"requirements/{level}.txt").read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    return f"{level} {hashlib.sha256(content).hexdigest()} {sys.version_info[0]}.{sys.version_info[1]} {ROOT}"


def is_current(level: str) -> bool:
    """Tell whether .venv already holds the level (the development level holds the runtime)."""
    if not (STAMP.exists() and PYTHON.exists()):
        return False
    stamped = STAMP.read_text(encoding="utf-8").strip()
    return stamped in {digest(level), digest("dev")}


def ensure_venv_module() -> None:
    """Install Debian's python3-venv where the machine lacks it and we may; else say what is missing."""
    try:
        import ensurepip  # noqa: F401, PLC0415
    except ImportError:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
            subprocess.run(["apt-get", "update", "-qq"], check=True)
            subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True)
        else:
            sys.exit(f"Python's venv module is missing: install the package {package} and run this again.")


def missing_tools() -> list[str]:
    """Return the packages of `TOOLS` that this machine lacks; the font too where fontconfig is not there."""
    listed = ""
    if shutil.which("fc-list"):
        words = ["fc-list", ":lang=zh-cn", "family"]
        listed = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    return [name for name, sign in TOOLS.items() if sign not in listed and not shutil.which(sign)]


def ensure_tools() -> None:
    """Install what the tests of the PDF need where we may; else say what is missing and go on."""
    missing = missing_tools()
    if not missing:
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        print(f"Installing {', '.join(missing)} …", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (
            ["update", "-qq"],
            ["install", "-y", "-qq", "--no-install-recommends", "fontconfig", *missing],
        ):
            subprocess.run(["apt-get", *words], env=environment, check=False, **quiet)
        missing = missing_tools()
    if missing:
        print(f"Missing, so that some tests of the PDF are skipped: {', '.join(missing)}", flush=True)


def main() -> None:
    """Create .venv where needed and install the requirements with their hashes checked."""
    level = sys.argv[1] if len(sys.argv) > 1 else "runtime"
    if sys.version_info < NEEDED:
        sys.exit(f"CityGauge needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.")
    if level == "dev":
        ensure_tools()
    if is_current(level):
        return
    ensure_venv_module()
    if not PYTHON.exists() or not STAMP.exists():
        print("Creating .venv …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    wheels = os.environ.get("CITYGAUGE_WHEELS")
    offline = ["--no-index", "--find-links", wheels] if wheels else []
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", *offline]
    print(f"Installing the {level} requirements …", flush=True)
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / f"requirements/{level}.txt")], check=True)
    # The build backend is in the requirements, so nothing unpinned is fetched for the project itself.
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True)
    STAMP.write_text(digest(level) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

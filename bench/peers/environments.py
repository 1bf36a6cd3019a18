"""An environment for each rival under .venv/peers: made once, with the version a figure is stated for."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from bench.harness import ROOT

VERSIONS = {
    "backtrader": ("backtrader==1.9.78.123", "numpy"),
    "backtesting": ("backtesting==0.6.6",),
    "nautilus": ("nautilus_trader==1.221.0",),
}
"""What is installed for each rival."""
FOLDER = ROOT / ".venv" / "peers"


def python_of(name: str) -> Path:
    """Give the interpreter of a rival's environment, made when it is missing; ends the benchmark where it cannot be."""
    folder = FOLDER / name
    ready = folder / ".ready"
    interpreter = folder / "bin" / "python"
    if ready.exists() and ready.read_text() == " ".join(VERSIONS[name]):
        return interpreter
    print(f"  making the environment of {name} (once)", flush=True)
    venv.create(folder, clear=True, with_pip=True)
    command = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *VERSIONS[name]]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} could not be installed beside {sys.executable}:\n{done.stderr}")
    subprocess.run([str(interpreter), "-m", "compileall", "-q", str(folder / "lib")], check=False, capture_output=True)
    ready.write_text(" ".join(VERSIONS[name]))
    return interpreter

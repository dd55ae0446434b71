"""Compiles `src/origin/core/native/rows.c` when Origin is built or installed.

Without a C compiler, on a processor it has nothing for, or with ``ORIGIN_NATIVE=off``, the
package is built without it; then hashing goes through ``hashlib``, and nothing else changes.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "src/origin/core/native"
SOURCE, LIBRARY = f"{FOLDER}/rows.c", f"{FOLDER}/rows.so"
MACHINES = ("x86_64", "amd64")
# No -march: the functions themselves say which instructions they use, once these were found.
FLAGS = ("-O3", "-std=c11", "-fPIC", "-shared", "-fvisibility=hidden")
SECONDS = 120


class NativeBuildHook(BuildHookInterface):
    """Puts the compiled library into the wheel, or beside its source if that is editable."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        problem = compile_library(Path(self.root))
        if problem:
            self.app.display_warning(f"origin is built without its C functions: {problem}")
            return
        build_data["artifacts"].append(f"/{LIBRARY}")
        build_data["pure_python"] = False
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{tag}"


def compile_library(root: Path) -> str | None:
    """Compile the library below a folder; returns in one line why that was not done."""
    library = root / LIBRARY
    library.unlink(missing_ok=True)  # never one of an older source
    if os.environ.get("ORIGIN_NATIVE", "").strip().lower() in {"off", "0", "no", "false"}:
        return "ORIGIN_NATIVE is off"
    if platform.machine().lower() not in MACHINES or sys.maxsize < 2**32:
        return f"there are none for {platform.machine()}"
    compiler = find_compiler()
    if compiler is None:
        return "no C compiler was found (set CC, or install gcc or clang)"
    made = library.with_name(f"rows.{os.getpid()}.tmp")
    command = [*compiler, *FLAGS, "-o", str(made), str(root / SOURCE)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        made.replace(library)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        return f"{shlex.join(command)} failed: {said.splitlines()[0] if said else error}"
    finally:
        made.unlink(missing_ok=True)
    return None


def find_compiler() -> list[str] | None:
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        words = shlex.split(name or "")
        if words and shutil.which(words[0]):
            return words
    return None


if __name__ == "__main__":
    sys.exit(compile_library(Path(__file__).parent))

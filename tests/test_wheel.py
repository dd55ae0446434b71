"""The package as it is installed: built, unpacked and started where no source is at hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from serving import Page

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package as pip puts it there, and its programs."""
    folder = tmp_path_factory.mktemp("wheel")
    # Elsewhere: others run what is built in place.
    tree = folder / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=tree, check=True, capture_output=True, timeout=240)
    (wheel,) = (folder / "dist").glob("*.whl")
    options = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    install = [sys.executable, "-m", "pip", "install", *options, "--target", folder / "site", wheel]
    subprocess.run(install, check=True, capture_output=True, timeout=240)
    return folder / "site"


def begun(installed, folder, *arguments):
    own = {name: value for name, value in os.environ.items() if name != "ORIGIN_DB_PATH"}
    return subprocess.Popen(
        [installed / "bin" / "origin", *arguments],
        cwd=folder,
        env={**own, "PYTHONPATH": str(installed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_first_minutes(installed, tmp_path):
    for arguments, said in (
        (["--version"], "origin "),
        (["demo"], "3 sessions, 816 observations"),
        (["inspect", "latest"], "Record         complete"),
        (["report", "latest", "-o", "report.html"], ""),
    ):
        process = begun(installed, tmp_path, *arguments)
        printed, complaints = process.communicate(timeout=60)
        assert process.returncode == 0, complaints
        assert said in printed
    assert "</html>" in (tmp_path / "report.html").read_text()


def test_the_page_has_all_it_needs(installed, tmp_path):
    demo = begun(installed, tmp_path, "demo")
    demo.communicate(timeout=60)
    assert demo.returncode == 0
    process = begun(installed, tmp_path, "ui", "--no-open", "--port", "0")
    try:
        site = Page(process, process.stdout.readline().split()[0])
        assert "demo-2 resumed" in site.get("/").text
        for file in ("look.css", "page.css", "htmx.min.js", "idiomorph-ext.min.js", "page.js",
                     "look_up.js", "icon.svg"):  # fmt: skip
            assert site.get(f"/static/{file}").status == 200
    finally:
        process.terminate()
        process.communicate(timeout=30)

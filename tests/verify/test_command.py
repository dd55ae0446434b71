"""``python -m origin.verify``, as it is run, and what it loads."""

import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from proofs import SESSION, TEAM, Session, Signer, small_proofs

import origin
from origin.verify import verify_text
from origin.verify.__main__ import main

PROOFS = small_proofs()
SOURCE = Path(origin.__file__).parents[1]
KEY = TEAM.key.text


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(params=sorted(PROOFS))
def proof(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a.proof"
    path.write_text(PROOFS[request.param], encoding="utf-8")
    return path


def test_a_proof_that_holds(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(proof), "--key", KEY]) == 0
    told = verify_text(proof.read_text(encoding="utf-8"), [TEAM.key])
    assert capsys.readouterr().out == f"{told}\n"


def test_where_output_has_no_encoding(proof: Path) -> None:
    with redirect_stdout(StringIO()) as out:
        assert main([str(proof), "--key", KEY]) == 0
    assert "signed by example.com/team" in out.getvalue()


def test_a_proof_that_holds_in_json(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(proof), "--json", "--key", KEY]) == 0
    told = verify_text(proof.read_text(encoding="utf-8"), [TEAM.key])
    out = capsys.readouterr().out
    assert json.loads(out) == {"holds": True, **told.to_dict()}
    assert out.startswith('{\n  "holds": true,')


def test_a_proof_that_does_not_hold(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proof.write_text(proof.read_text(encoding="utf-8").replace(SESSION, "x"), encoding="utf-8")
    why = "the signature of example.com/team is not over this text"
    assert main([str(proof), "--key", KEY]) == 1
    assert capsys.readouterr().out == f"does not hold: {why}\n"
    assert main([str(proof), "--key", KEY, "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"holds": False, "error": why}


def test_no_proof_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "missing"), "--key", KEY]) == 1
    assert capsys.readouterr().out.startswith("does not hold: cannot read ")


def test_keys_from_files_and_lines(proof: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(f"# ours\n{KEY}\n")
    assert main([str(proof), "--key", str(keys)]) == 0
    assert main([str(proof), "--key", Signer(1).key.text, "--key", str(keys)]) == 0
    assert main([str(proof), "--key", Signer(1).key.text]) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "required: file, --key"),
        (["a.proof"], "required: --key"),
        (["a.proof", "--key", "nothing"], "a public key is one line of the form"),
        (["a.proof", "--key", "/"], "cannot read keys from '/'"),
        (["a.proof", "--key", KEY, "--what"], "unrecognized arguments: --what"),
    ],
)
def test_usage(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: python -m origin.verify")
    assert why in error


def test_as_it_is_run(tmp_path: Path) -> None:
    session = Session([[]], session="Sitzung é")
    (tmp_path / "a.proof").write_text(str(TEAM.sign(session.head())), encoding="utf-8")
    module = ("-m", "origin.verify", str(tmp_path / "a.proof"), "--key", KEY)
    done = run(*module, PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("head of session 'Sitzung é': 1 state\n")
    done = run(*module, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("head of session 'Sitzung \\xe9': 1 state\n")
    (tmp_path / "a.proof").write_text("x")
    assert run(*module).returncode == 1
    assert run("-m", "origin.verify").returncode == 2


LOADED = """
import sys
before = {*sys.modules}
from origin.verify import verify_text
print(*sorted({one for one in sys.modules if one not in before}))
"""


def test_what_it_loads() -> None:
    done = run("-c", LOADED)
    assert done.stderr == ""
    names = {one for one in done.stdout.split() if not one.startswith("_")}
    strange = {one for one in names if one.partition(".")[0] not in sys.stdlib_module_names}
    assert strange == {
        "origin",
        "origin._version",
        "origin.core",
        "origin.core.log",
        "origin.core.merkle",
        "origin.core.note",
        "origin.errors",
        "origin.verify",
        "origin.verify.archive",
        "origin.verify.bundle",
        "origin.verify.bundleverdict",
        "origin.verify.checks",
        "origin.verify.door",
        "origin.verify.envelope",
        "origin.verify.findings",
        "origin.verify.forms",
        "origin.verify.lines",
        "origin.verify.records",
        "origin.verify.statement",
        "origin.verify.streams",
        "origin.verify.trees",
        "origin.verify.verdict",
        "origin.verify.wording",
    }


WITHOUT = """
import sys
sys.modules["cryptography"] = None
from origin.errors import MissingDependencyError
from origin.verify import verify
from origin.verify.__main__ import main
from origin.core.note import PublicKey
path, key = sys.argv[1:]
try:
    verify(path, [PublicKey.parse(key)])
except MissingDependencyError as error:
    print(error)
main([path, "--key", key])
"""


def test_without_cryptography(proof: Path) -> None:
    done = run("-c", WITHOUT, str(proof), KEY)
    told = "signatures need cryptography: pip install 'origin-provenance[sign]'"
    assert done.returncode == 2
    assert done.stdout == f"{told}\n"
    assert done.stderr.endswith(f"error: {told}\n")

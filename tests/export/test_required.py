"""Without the package that a way of handing over needs, an error names the extra that brings it."""

import sys

import pytest

from origin.errors import MissingDependencyError


@pytest.mark.parametrize(
    ("package", "extra", "call"),
    [
        ("mlflow", "mlflow", lambda exporter, session, path: exporter.log_to_mlflow(session)),
        ("wandb", "wandb", lambda exporter, session, path: exporter.log_to_wandb(session)),
        (
            "huggingface_hub",
            "huggingface",
            lambda exporter, session, path: exporter.update_model_card(path, session),
        ),
    ],
)
def test_a_package_that_is_not_there(write, exporter, out, monkeypatch, package, extra, call):
    session = write.run([1])
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=rf"origin-provenance\[{extra}\]"):
        call(exporter, session, out / "README.md")
    assert not list(out.iterdir())

"""What the tests of the Hugging Face hook share."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import datasets
from datasets import Dataset
from hooks_support import Recording
from PIL import Image

from origin.hooks.huggingface import DatasetHook

datasets.config.HF_HUB_OFFLINE = datasets.config.HF_DATASETS_OFFLINE = True
datasets.disable_progress_bars()

MakeHook = Callable[..., DatasetHook]


def reviews(count: int = 10) -> Dataset:
    """A small data set of texts and labels."""
    texts = [f"review {place}: naïve but fine" for place in range(count)]
    return Dataset.from_dict({"text": texts, "label": [place % 2 for place in range(count)]})


def hook_for(
    recording: Recording, source: str = "reviews", license_id: str | None = None, **more: Any
) -> DatasetHook:
    return DatasetHook(recording.db, recording.session_id, source, license_id, **more)


def flat(recording: Recording, hook: DatasetHook) -> list[str]:
    """All fingerprints on record, in order."""
    return [one for batch in recording.fingerprints(hook) for one in batch]


def png(shade: int) -> bytes:
    """A small image file."""
    file = BytesIO()
    Image.new("RGB", (4, 3), (shade, 2, 3)).save(file, "png")
    return file.getvalue()

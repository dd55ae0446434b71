"""Images and sound count as the bytes of their files, decoded or not."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Audio, Dataset, Features, Image, List, Value, concatenate_datasets
from hooks_support import Recording, prints
from huggingface_support import flat, hook_for, png

from origin.errors import RecordingError

FILES = [png(shade) for shade in range(5)]
ROWS = [{"image": file, "label": place} for place, file in enumerate(FILES)]
FORMS = [None, "numpy", "torch", "arrow", "pandas"]


def pictures(*, decode: bool = True) -> Dataset:
    features = Features({"image": Image(decode=decode), "label": Value("int64")})
    cells = [{"bytes": file, "path": None} for file in FILES]
    return Dataset.from_dict({"image": cells, "label": range(5)}, features=features)


def sounds(files: list[bytes]) -> Dataset:
    cells = [{"bytes": file, "path": "a.wav"} for file in files]
    return Dataset.from_dict({"audio": cells}).cast_column("audio", Audio(decode=False))


@pytest.mark.parametrize("decode", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_images_in_every_format(form: str | None, decode: bool, recording: Recording) -> None:
    dataset = pictures(decode=decode).with_format(form)
    ways = [
        hook_for(recording).wrap(dataset),
        hook_for(recording).wrap_dataset(dataset),
        hook_for(recording).wrap(iter(dataset)),
        hook_for(recording).wrap(dataset.iter(2)),
        hook_for(recording).wrap(dataset.iter(5)),
    ]
    for way in ways:
        assert len(list(way)) in (1, 3, 5)
        assert flat(recording, way._hook) == prints(ROWS)


def test_polars_takes_images_that_are_not_decoded(recording: Recording) -> None:
    hook = hook_for(recording)
    list(hook.wrap(pictures(decode=False).with_format("polars").iter(2)))
    assert flat(recording, hook) == prints(ROWS)


def test_decoded_images_are_yielded_untouched(recording: Recording) -> None:
    dataset = pictures()
    for row, same in zip(hook_for(recording).wrap(dataset), dataset, strict=True):
        assert row["image"] == same["image"]
        assert row["image"].size == (4, 3)


def test_arranged_images_keep_in_step(recording: Recording) -> None:
    dataset = concatenate_datasets([pictures().shuffle(seed=2), pictures().select([3, 3])])
    order = [row["label"] for row in dataset]
    hook = hook_for(recording)
    recorded = hook.wrap(dataset)
    for place, _ in enumerate(recorded):
        if place == 3:
            break
    list(recorded)
    wanted = prints(ROWS[label] for label in order)
    assert flat(recording, hook) == wanted[:4] + wanted


@pytest.mark.parametrize("size", [None, 2])
def test_images_keep_in_step_with_a_batch_that_is_not_read(
    size: int | None, recording: Recording
) -> None:
    hook = hook_for(recording, on_error="raise")
    iterator = iter(hook.wrap(pictures() if size is None else pictures().iter(size)))
    next(iterator)
    hook.stream().news.append(OSError("the disk is full"))
    with pytest.raises(RecordingError, match="the disk is full"):
        next(iterator)
    list(iterator)
    lost = range(1, 2) if size is None else range(2, 4)
    assert flat(recording, hook) == prints(row for row in ROWS if row["label"] not in lost)


def test_the_loop_may_draw_on_its_images(recording: Recording) -> None:
    hook = hook_for(recording)
    for row in hook.wrap(pictures()):
        row["image"].putpixel((0, 0), (9, 9, 9))
    assert flat(recording, hook) == prints(ROWS)


def test_a_selection_of_columns(recording: Recording) -> None:
    hook = hook_for(recording)
    list(hook.wrap(pictures().with_format("numpy", columns=["label"])))
    list(hook.wrap(pictures().with_format("numpy", ["label"], output_all_columns=True).iter(3)))
    labels = [{"label": label} for label in range(5)]
    assert flat(recording, hook) == prints(labels + ROWS)


@pytest.mark.parametrize("form", FORMS)
def test_images_in_lists_and_structs(form: str | None, recording: Recording) -> None:
    features = Features({"album": List(Image()), "cover": {"front": Image(), "n": Value("int64")}})
    cells = [{"bytes": file, "path": None} for file in FILES[:2]]
    cover = {"front": cells[0], "n": 1}
    dataset = Dataset.from_dict({"album": [cells, []], "cover": [cover] * 2}, features=features)
    hook = hook_for(recording)
    list(hook.wrap(dataset.with_format(form).iter(2)))
    wanted_cover = {"front": FILES[0], "n": 1}
    wanted = [{"album": FILES[:2], "cover": wanted_cover}, {"album": [], "cover": wanted_cover}]
    assert flat(recording, hook) == prints(wanted)


def test_missing_images_are_none(recording: Recording) -> None:
    features = Features({"image": Image(), "label": Value("int64")})
    cells = [{"bytes": FILES[0], "path": None}, None]
    dataset = Dataset.from_dict({"image": cells, "label": [0, 1]}, features=features)
    hook = hook_for(recording)
    list(hook.wrap(dataset))
    assert flat(recording, hook) == prints([ROWS[0], {"image": None, "label": 1}])


@pytest.mark.parametrize("form", FORMS)
def test_missing_albums_are_none(form: str | None, recording: Recording) -> None:
    features = Features({"album": List(Image()), "cover": {"front": Image()}})
    full = {"album": [{"bytes": FILES[0], "path": None}], "cover": {"front": None}}
    dataset = Dataset.from_list([full, {"album": None, "cover": None}], features=features)
    hook = hook_for(recording)
    list(hook.wrap(dataset.with_format(form).iter(2)))
    wanted = {"album": FILES[:1], "cover": {"front": None}}
    assert flat(recording, hook) == prints([wanted, {"album": None, "cover": None}])


@pytest.mark.parametrize("decode", [True, False])
def test_where_there_is_only_a_path_the_file_is_read(
    decode: bool, tmp_path: Path, recording: Recording
) -> None:
    for place, file in enumerate(FILES):
        (tmp_path / f"{place}.png").write_bytes(file)
    paths = [str(tmp_path / f"{place}.png") for place in range(5)]
    features = Features({"image": Image(decode=decode), "label": Value("int64")})
    dataset = Dataset.from_dict({"image": paths, "label": range(5)}, features=features)
    hook = hook_for(recording)
    list(hook.wrap(dataset.iter(2)))
    assert flat(recording, hook) == prints(ROWS)


def test_a_file_that_is_gone_is_recorded_as_delivered(recording: Recording) -> None:
    cell = {"bytes": None, "path": "/nowhere/0.png"}
    features = Features({"image": Image(decode=False)})
    dataset = Dataset.from_dict({"image": [cell]}, features=features)
    hook = hook_for(recording)
    list(hook.wrap(dataset))
    assert flat(recording, hook) == prints([{"image": cell}])


# -- where the file is not at hand ---------------------------------------------------------


def test_a_stream_that_decodes_is_known_by_its_pixels(recording: Recording) -> None:
    stream = pictures().to_iterable_dataset()
    hook = hook_for(recording)
    rows = list(hook.wrap(stream))
    list(hook.wrap(stream.iter(2)))
    assert flat(recording, hook) == prints(rows) * 2
    assert flat(recording, hook)[:5] != prints(ROWS)


@pytest.mark.parametrize("form", [None, "arrow"])
def test_a_stream_that_does_not_decode_is_known_by_its_files(
    form: str | None, recording: Recording
) -> None:
    stream = pictures(decode=False).to_iterable_dataset().with_format(form)
    hook = hook_for(recording)
    list(hook.wrap(stream))
    list(hook.wrap(stream.iter(2)))
    assert flat(recording, hook) == prints(ROWS) * 2


def test_pixels_of_a_stream_as_arrays_are_arrays(recording: Recording) -> None:
    stream = pictures().to_iterable_dataset().with_format("numpy")
    hook = hook_for(recording)
    list(hook.wrap(stream))
    wanted = [{"image": row["image"], "label": int(row["label"])} for row in stream]
    assert flat(recording, hook) == prints(wanted)


def test_a_generator_already_begun_is_known_by_its_pixels(recording: Recording) -> None:
    batches = pictures().iter(2)
    next(batches)
    hook = hook_for(recording)
    rest = [row for batch in hook.wrap(batches) for row in zip(*batch.values(), strict=True)]
    assert flat(recording, hook) == prints({"image": image, "label": n} for image, n in rest)
    assert len(rest) == 3


def test_a_transform_of_images_is_recorded_as_delivered(recording: Recording) -> None:
    dataset = pictures().with_transform(lambda batch: {"image": batch["image"]})
    hook = hook_for(recording)
    list(hook.wrap(dataset))
    assert flat(recording, hook) == prints({"image": row["image"]} for row in pictures())


# -- rows whose features nobody knows ------------------------------------------------------


def test_observed_cells_of_files_count_as_their_bytes(tmp_path: Path, recording: Recording) -> None:
    (tmp_path / "0.png").write_bytes(FILES[0])
    plain = pictures(decode=False)
    hook = hook_for(recording)
    hook.observe(plain[0])
    hook.observe(plain[:2])
    hook.observe(plain.with_format("arrow")[:2])
    hook.observe({"image": {"bytes": None, "path": str(tmp_path / "0.png")}, "label": 0})
    hook.observe({"album": [None, {"bytes": FILES[0], "path": None}], "label": 0})
    album = {"album": [None, FILES[0]], "label": 0}
    wanted: list[Any] = [ROWS[0], *ROWS[:2], *ROWS[:2], ROWS[0], album]
    assert flat(recording, hook) == prints(wanted)


@pytest.mark.parametrize("form", [None, "numpy", "torch", "pandas", "polars"])
def test_observed_albums_count_as_their_files(form: str | None, recording: Recording) -> None:
    features = Features({"album": List(Image(decode=False)), "label": Value("int64")})
    cells = [{"bytes": file, "path": None} for file in FILES[:2]]
    dataset = Dataset.from_dict({"album": [cells], "label": [1]}, features=features)
    hook = hook_for(recording)
    hook.observe(dataset.with_format(form)[0])
    hook.observe(dataset.with_format(form)[:])
    assert flat(recording, hook) == prints([{"album": FILES[:2], "label": 1}]) * 2


# -- sound -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [None, "numpy", "torch", "arrow", "pandas", "polars"])
def test_sound_that_is_not_decoded(form: str | None, recording: Recording) -> None:
    files = [b"RIFF0WAVE\x00\x00", b"RIFF1WAVE"]
    hook = hook_for(recording)
    list(hook.wrap(sounds(files).with_format(form)))
    list(hook.wrap(sounds(files).with_format(form).iter(2)))
    assert flat(recording, hook) == prints({"audio": file} for file in files) * 2


def test_decoders_of_sound_tell_their_file(recording: Recording) -> None:
    class Decoder:
        """What a decoder made by ``datasets`` remembers."""

        def __init__(self, data: bytes) -> None:
            self._hf_encoded = {"bytes": data, "path": "a.wav"}

    hook = hook_for(recording)
    hook.observe({"audio": [Decoder(b"RIFF0"), Decoder(b"RIFF1")], "label": [0, 1]})
    wanted = [{"audio": b"RIFF0", "label": 0}, {"audio": b"RIFF1", "label": 1}]
    assert flat(recording, hook) == prints(wanted)

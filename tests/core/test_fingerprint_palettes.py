"""Fingerprints: palettes, of which only the entries that pixels can name are content."""

import pytest
from PIL import Image

from origin.core.fingerprint import canonical_bytes


def indexed(pixels, colors, mode="P", palette_mode="RGB"):
    size = (len(pixels) // len(mode), 1)
    image = Image.frombytes(mode, size, bytes(pixels))
    image.putpalette(bytes(colors), palette_mode)
    return image


def test_entries_above_the_highest_index_are_no_content():
    short = canonical_bytes(indexed([1, 0], range(6)))
    assert short == canonical_bytes(indexed([1, 0], [*range(6), *bytes(762)]))
    assert short == canonical_bytes(indexed([1, 0], [*range(6), 9, 9, 9]))
    assert b'"palette":{"data":{"$bytes":6},"mode":"RGB"}' in short
    assert short.endswith(b"\n" + bytes(range(6)) + b"\x01\x00")


def test_entries_up_to_the_highest_index_are_content():
    used = canonical_bytes(indexed([2, 0], range(9)))
    for place in range(9):
        colors = bytearray(range(9))
        colors[place] = 99
        assert canonical_bytes(indexed([2, 0], colors)) != used


def test_entries_that_the_palette_lacks_are_zeros():
    assert canonical_bytes(indexed([2, 0], [7, 8, 9])) == canonical_bytes(
        indexed([2, 0], [7, 8, 9, 0, 0, 0, 0, 0, 0])
    )


def test_the_alphas_of_the_pixels_are_no_indices():
    found = canonical_bytes(indexed([1, 255, 0, 200], range(30), "PA"))
    assert b'"$bytes":6},"mode":"RGB"' in found


def test_a_palette_with_alphas_has_four_bytes_to_an_entry():
    found = canonical_bytes(indexed([1, 0], range(40), palette_mode="RGBA"))
    assert b'"$bytes":8},"mode":"RGBA"' in found


def gradient():
    return Image.linear_gradient("L").resize((16, 16)).convert("RGB")


# The lengths are the same with every version of Pillow, unlike those of the palettes.
@pytest.mark.parametrize(
    ("image", "size"),
    [
        (lambda: gradient().convert("P"), 678),
        (lambda: gradient().quantize(5), 15),
        (lambda: Image.new("RGB", (4, 4), (9, 8, 7)).quantize(4), 3),
        (lambda: Image.new("P", (2, 2)), 3),
        (lambda: Image.new("P", (0, 2)), 0),
        (lambda: Image.new("PA", (2, 2)), 3),
    ],
)
def test_images_made_in_memory(image, size):
    assert f'"palette":{{"data":{{"$bytes":{size}}}'.encode() in canonical_bytes(image())

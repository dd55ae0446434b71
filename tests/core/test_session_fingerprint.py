"""The fingerprint of a session, computed a second time by hand."""

from hashlib import sha256

from origin.core.session import session_fingerprint, stream_root


def leaf(data):
    return sha256(b"\0" + data).digest()


def node(left, right):
    return sha256(b"\1" + left + right).digest()


def batch(number, samples, root):
    return leaf(b"origin batch 1\n" + number.to_bytes(8, "big") + samples.to_bytes(8, "big") + root)


def test_by_hand():
    first, second, third = (bytes([at]) * 32 for at in (1, 2, 3))
    one = node(node(batch(0, 2, first), batch(1, 2, second)), batch(2, 1, third))
    other = batch(7, 4, third)
    known = [(0, 2, first), (1, 2, second), (2, 1, third)]
    assert stream_root(0, known).root == one

    def stream(rank, batches, root):
        head = b"origin stream 1\n" + rank.to_bytes(8, "big") + batches.to_bytes(8, "big")
        return leaf(head + root)

    expected = node(stream(0, 3, one), stream(1, 1, other)).hex()
    streams = [stream_root(1, [(7, 4, third)]), stream_root(0, known), stream_root(2, [])]
    assert session_fingerprint(streams) == session_fingerprint(streams[::-1]) == expected


def test_what_changes_it():
    root, another = bytes(32), b"\1" * 32
    usual = session_fingerprint([stream_root(0, [(0, 1, root), (1, 1, another)])])
    others = {
        session_fingerprint([stream_root(*told)])
        for told in (
            (0, [(0, 1, another), (1, 1, root)]),  # another order
            (0, [(0, 1, root)]),  # one less
            (0, [(0, 1, root), (2, 1, another)]),  # a gap between
            (0, [(0, 2, root), (1, 1, another)]),  # another count
            (1, [(0, 1, root), (1, 1, another)]),  # another rank
        )
    }
    assert len(others | {usual}) == 6

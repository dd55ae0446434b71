"""Which kind of file system a path is on."""

from pathlib import Path

# WAL keeps its index in shared memory, which these file systems do not share between hosts.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs"}
    | {"beegfs", "panfs", "wekafs", "orangefs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph"}
    | {"fuse.juicefs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.mount-s3"}
)

MOUNTS = Path("/proc/self/mounts")

_ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\043": "#", "\\134": "\\"}


def file_system_of(path: Path) -> str | None:
    """The kind of file system a path is on, or None where the system does not tell."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    target = str(path.resolve())
    best, kind = "", None
    for line in filter(None, mounts.split("\n")):
        _, escaped, found, *_ = line.split(" ")
        point = _unescaped(escaped)
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        # A later mount on the same point hides the earlier one.
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind


def _unescaped(point: str) -> str:
    for escape, character in _ESCAPES.items():
        point = point.replace(escape, character)
    return point

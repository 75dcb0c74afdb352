"""Which file system holds a path, and whether it is one that several hosts share.

The hot buffer's file is mapped into the memory of all processes that write it, and its locks are the
kernel's. A network file system has neither in a form to be relied upon, and the loss would be silent.
"""

import re
from pathlib import Path

__all__ = ["network_file_system"]

_MOUNTS = Path("/proc/mounts")  # Linux; elsewhere nothing is known and nothing refused
_NETWORK = re.compile(
    r"(?:nfs\d?|cifs|smb\d?|smbfs|ncpfs|9p|afs|ceph|lustre|gpfs|beegfs|pvfs2|orangefs|panfs|wekafs|gfs2?|ocfs2"
    r"|glusterfs|moosefs|davfs|coda|acfs"
    r"|fuse\.(?:sshfs|s3fs|s3ql|mount-s3|rclone|gcsfuse|goofys|geesefs|blobfuse2?|glusterfs|ceph.*|juicefs"
    r"|.*moosefs|mfs|lizardfs|davfs2?|curlftpfs|smbnetfs|nfs.*|ltfs|hdfs.*|alluxio.*|xrootd.*|cvmfs2?|beegfs.*)"
    r")",
    re.IGNORECASE,
)
_OCTAL = re.compile(r"\\([0-7]{3})")


def network_file_system(path: Path, *, mounts: str | None = None) -> str | None:
    """Name the network file system that holds a path.

    Parameters
    ----------
    path
        It need not exist; links are followed.
    mounts
        The table of mounts in the form of ``/proc/mounts``, by default what that holds.

    Returns
    -------
    str or None
        Such as ``nfs4``; `None` for a local disk, or where nothing can be told.

    Examples
    --------
    >>> table = "/dev/sda / ext4 rw 0 0" + chr(10) + "server:/home /tmp/home nfs4 rw 0 0"
    >>> network_file_system(Path("/tmp/home/me/buffer"), mounts=table)
    'nfs4'
    >>> network_file_system(Path("/tmp/buffer"), mounts=table)
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    resolved = f"{path.resolve()}/"
    longest, kind = 0, ""
    for line in mounts.splitlines():
        _, place, found, *_ = [*line.split(" ", 3), "", ""]
        if "\\" in place:
            place = _OCTAL.sub(lambda match: chr(int(match[1], 8)), place)
        place = place.rstrip("/") + "/"
        # Of two mounts at one place the later one hides the earlier.
        if len(place) >= longest and resolved.startswith(place):
            longest, kind = len(place), found
    return kind if _NETWORK.fullmatch(kind) else None

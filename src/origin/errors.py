"""Every error Origin raises, in one tree.

```
OriginError
├── FingerprintError          (TypeError)        a value has no canonical bytes
├── BatchError                (ValueError)       a batch cannot be read as samples
├── InvalidRecordError        (ValueError)       a session, source or license is malformed
│   └── InvalidStatusError                       a session cannot end with that status
├── ConfigurationError        (ValueError)       an argument or ORIGIN_MODE makes no sense
│   └── FingerprintKeyError                      a key of fingerprints is missing or wrong
├── SessionNotFoundError      (LookupError)      no session has that id
├── SourceNotFoundError       (LookupError)      no source has that id
├── LicenseNotFoundError      (LookupError)      no license has that id
├── SampleNotFoundError       (LookupError)      that sample was never seen
├── BatchNotFoundError        (LookupError)      the session has no batch of that number
├── SessionEndedError         (ValueError)       recording into a session that has ended
│   └── SessionAlreadyEndedError                 ending it a second time
├── SourceLicenseError        (ValueError)       a hook contradicts the registered license
├── LicensePolicyError        (PermissionError)  a source breaks the policy of its session
├── QueryError                (ValueError)       an SQL query is malformed, or not allowed
├── RecordRefusedError        (ValueError)       the database will never take that record
├── ReadOnlyDatabaseError     (PermissionError)  a write through a read-only database
├── DatabaseClosedError       (ValueError)       the database was closed
├── DatabaseNotFoundError     (FileNotFoundError) no file is at that path
├── NotADatabaseError         (ValueError)       the file is no Origin database
├── NewerSchemaError          (ValueError)       the file was written by a newer Origin
├── StorageError              (OSError)          the disk or SQLite refused
│   ├── DatabaseBusyError                        another writer held the file for too long
│   └── CorruptDatabaseError                     what the file holds is damaged
│       └── SegmentError                         a sealed segment is missing or altered
├── RecordingError            (RuntimeError)     recording failed after training began
├── SigningKeyError           (ValueError)       a key is malformed, weak, or cannot be read
├── ProofError                (ValueError)       a proof or head is malformed, or does not hold
├── NotProvableError          (ValueError)       the record does not allow that proof
├── RecordAlteredError        (ValueError)       the record is not what a head was signed over
└── MissingDependencyError    (ImportError)      an optional package is not installed
```

``OriginWarning`` (UserWarning) tells of what went wrong while training goes on.

Each class also derives from the built-in a caller would expect, so that
``except LookupError`` and the like work. This module imports nothing.
"""


class OriginError(Exception):
    """The root of every error that Origin raises on purpose."""


class FingerprintError(OriginError, TypeError):
    """A value has no canonical bytes: its type is unknown, it is cyclic or it holds no data."""


class BatchError(OriginError, ValueError):
    """A batch cannot be read as samples."""


class InvalidRecordError(OriginError, ValueError):
    """A session, source or license is malformed."""


class InvalidStatusError(InvalidRecordError):
    """A session cannot end with that status."""


class ConfigurationError(OriginError, ValueError):
    """An argument or environment variable has a value that makes no sense."""


class FingerprintKeyError(ConfigurationError):
    """The key of private fingerprints is missing, is another, or is none."""


class SessionNotFoundError(OriginError, LookupError):
    """No session has that id."""


class SourceNotFoundError(OriginError, LookupError):
    """No source has that id."""


class LicenseNotFoundError(OriginError, LookupError):
    """No license has that id."""


class SampleNotFoundError(OriginError, LookupError):
    """No observation of that sample is in the record."""


class BatchNotFoundError(OriginError, LookupError):
    """The session has no batch of that number."""


class SessionEndedError(OriginError, ValueError):
    """The session has ended, so nothing more can be recorded into it."""


class SessionAlreadyEndedError(SessionEndedError):
    """The session was ended before; its status stays as it is."""


class SourceLicenseError(OriginError, ValueError):
    """A hook names another license than the one its source is registered under."""


class LicensePolicyError(OriginError, PermissionError):
    """A policy does not allow the license of a source, so nothing of it was recorded."""


class QueryError(OriginError, ValueError):
    """An SQL query cannot be understood, or does what a question may not do."""


class RecordRefusedError(OriginError, ValueError):
    """The database will never take that record: it is there already, too large or malformed."""


class ReadOnlyDatabaseError(OriginError, PermissionError):
    """The database was opened read-only."""


class DatabaseClosedError(OriginError, ValueError):
    """The database was closed."""


class DatabaseNotFoundError(OriginError, FileNotFoundError):
    """No database is at that path, or the folder it should be made in does not exist."""


class NotADatabaseError(OriginError, ValueError):
    """The file is not an Origin database."""


class NewerSchemaError(OriginError, ValueError):
    """The file was written by a newer version of Origin."""


class StorageError(OriginError, OSError):
    """The disk, the file system or SQLite refused an operation."""


class DatabaseBusyError(StorageError):
    """Another process held the database for longer than the time allowed."""


class CorruptDatabaseError(StorageError):
    """The content of the database file is damaged."""


class SegmentError(CorruptDatabaseError):
    """A sealed segment is missing, or is not what was sealed."""


class RecordingError(OriginError, RuntimeError):
    """Recording failed after training had begun, and ``on_error="raise"`` was asked for."""


class MissingDependencyError(OriginError, ImportError):
    """An optional package is needed and not installed."""


class OriginWarning(UserWarning):
    """Something went wrong with the record, and training goes on."""


class SigningKeyError(OriginError, ValueError):
    """A signing key, or its public half, is malformed, weak, or cannot be read."""


class ProofError(OriginError, ValueError):
    """A proof, a signed head or a bundle is malformed, or does not hold."""


class NotProvableError(OriginError, ValueError):
    """What was asked to be proved is not so, or the record does not tell yet."""


class RecordAlteredError(OriginError, ValueError):
    """The record is not what a head was signed over: it lies behind it, or was edited."""

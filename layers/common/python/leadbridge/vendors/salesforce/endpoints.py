"""Every Salesforce call we can make, one line each: name, method, address below the version, and its patience.

A new call is a line here and a verb in its group. Source: REST API reference; Bulk API 2.0 guide.
"""

from leadbridge.vendors.http.endpoints import Endpoint

# a query may run 2 minutes, a write with triggers about as long
_READ = 130.0
# all parts of a composite together may take ten minutes
_PARTS = 600.0
# a large upload, and the pause between two pieces of a file of results
_FILE = 300.0


def _get(operation: str, path: str, *, seconds: float = _READ, method: str = "GET") -> Endpoint:
    """A call that may be repeated: it reads, or what it does it does only once."""
    return Endpoint(operation=operation, method=method, path=path, read_seconds=seconds)


def _write(operation: str, method: str, path: str, *, seconds: float = _READ) -> Endpoint:
    """A call whose lost answer leaves doubt."""
    return Endpoint(operation=operation, method=method, path=path, is_write=True, read_seconds=seconds)


# what there is; the list of versions is the one address above them
VERSIONS = _get("versions", "/services/data/")
DESCRIBE = _get("describe", "/sobjects/{object}/describe")
DESCRIBE_GLOBAL = _get("describe_global", "/sobjects")
LIMITS = _get("limits", "/limits")

# queries; queryAll shows deleted, merged and archived records too
QUERY = _get("query", "/query")
QUERY_ALL = _get("query_all", "/queryAll")

# one record
GET_RECORD = _get("get_record", "/sobjects/{object}/{id}")
GET_RECORD_BY_KEY = _get("get_record", "/sobjects/{object}/{key}/{value}")
CREATE_RECORD = _write("create_record", "POST", "/sobjects/{object}")
UPDATE_RECORD = _write("update_record", "PATCH", "/sobjects/{object}/{id}")
UPSERT_RECORD = _write("upsert_record", "PATCH", "/sobjects/{object}/{key}/{value}")
# sent again, a record that is gone says so
DELETE_RECORD = _get("delete_record", "/sobjects/{object}/{id}", method="DELETE")

# many records
CREATE = _write("create", "POST", "/composite/sobjects")
UPDATE = _write("update", "PATCH", "/composite/sobjects")
UPSERT = _write("upsert", "PATCH", "/composite/sobjects/{object}/{key}")
DELETE = _write("delete", "DELETE", "/composite/sobjects")
RETRIEVE = _get("retrieve", "/composite/sobjects/{object}", method="POST")

# several calls in one
COMPOSITE = _write("composite", "POST", "/composite", seconds=_PARTS)
COMPOSITE_READ = _get("composite", "/composite", method="POST", seconds=_PARTS)
GRAPH = _write("graph", "POST", "/composite/graph", seconds=_PARTS)

# replication
UPDATED = _get("updated", "/sobjects/{object}/updated/")
DELETED = _get("deleted", "/sobjects/{object}/deleted/")

# bulk jobs: only the creation of one is in doubt without an answer
CREATE_JOB = _write("bulk_create", "POST", "/jobs/{family}")
LIST_JOBS = _get("bulk_list", "/jobs/{family}")
JOB_STATUS = _get("bulk_status", "/jobs/{family}/{job}")
CHANGE_JOB = _get("bulk_change", "/jobs/{family}/{job}", method="PATCH")
DELETE_JOB = _get("bulk_delete", "/jobs/{family}/{job}", method="DELETE")
UPLOAD = _get("bulk_upload", "/jobs/ingest/{job}/batches", method="PUT", seconds=_FILE)
SUCCESSFUL_ROWS = _get("bulk_successful", "/jobs/ingest/{job}/successfulResults/", seconds=_FILE)
FAILED_ROWS = _get("bulk_failed", "/jobs/ingest/{job}/failedResults/", seconds=_FILE)
UNPROCESSED_ROWS = _get("bulk_unprocessed", "/jobs/ingest/{job}/unprocessedrecords/", seconds=_FILE)
QUERY_ROWS = _get("bulk_results", "/jobs/query/{job}/results", seconds=_FILE)

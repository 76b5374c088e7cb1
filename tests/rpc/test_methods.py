"""The table of methods: what the contract has and nobody declared does not start."""

from dataclasses import replace
from typing import Any

import pytest

from recordsvault.admin.v1 import admin_pb2
from recordsvault.audit.v1 import audit_pb2
from vault.access import Action
from vault.rpc.methods import Method, ServerStream, Target, Unary, UndeclaredMethod, table

AUDIT = audit_pb2.DESCRIPTOR.services_by_name["Audit"]


def made(kind: type[Any], action: Action, request: type[Any]) -> Any:
    return kind(action, request, lambda _: Target(), lambda *_: None, lambda *_: None)


def declared() -> dict[str, Method]:
    return {
        "StreamEvents": made(ServerStream, Action.AUDIT_STREAM, audit_pb2.StreamEventsRequest),
        "QueryEvents": made(Unary, Action.AUDIT_QUERY, audit_pb2.QueryEventsRequest),
        "GetProof": made(Unary, Action.PROOFS_GET, audit_pb2.GetProofRequest),
        "GetCheckpoint": made(Unary, Action.CHECKPOINTS_GET, audit_pb2.GetCheckpointRequest),
        "ExportTiles": made(ServerStream, Action.TILES_EXPORT, audit_pb2.ExportTilesRequest),
        "ArchiveEvents": made(ServerStream, Action.LOG_ARCHIVE, audit_pb2.ArchiveEventsRequest),
        "ReportAccess": made(ServerStream, Action.AUDIT_REPORT, audit_pb2.ReportAccessRequest),
    }


def test_every_declared_method_is_served_by_its_full_path() -> None:
    assert set(table(AUDIT, declared())) == {
        "/recordsvault.audit.v1.Audit/StreamEvents",
        "/recordsvault.audit.v1.Audit/QueryEvents",
        "/recordsvault.audit.v1.Audit/GetProof",
        "/recordsvault.audit.v1.Audit/GetCheckpoint",
        "/recordsvault.audit.v1.Audit/ExportTiles",
        "/recordsvault.audit.v1.Audit/ArchiveEvents",
        "/recordsvault.audit.v1.Audit/ReportAccess",
    }


def test_a_method_without_a_declared_action_does_not_start() -> None:
    methods = declared()
    del methods["QueryEvents"]
    with pytest.raises(UndeclaredMethod, match="QueryEvents has no declared action"):
        table(AUDIT, methods)


def test_a_method_that_the_contract_lacks_does_not_start() -> None:
    with pytest.raises(UndeclaredMethod, match="not in the contract"):
        table(AUDIT, {**declared(), "DeleteEvents": declared()["QueryEvents"]})


def test_a_method_with_another_request_does_not_start() -> None:
    methods = declared()
    methods["QueryEvents"] = replace(methods["QueryEvents"], request=admin_pb2.CheckHealthRequest)
    with pytest.raises(UndeclaredMethod, match="another request"):
        table(AUDIT, methods)


def test_a_method_with_another_kind_of_streaming_does_not_start() -> None:
    methods = declared()
    methods["StreamEvents"] = made(Unary, Action.AUDIT_STREAM, audit_pb2.StreamEventsRequest)
    with pytest.raises(UndeclaredMethod, match="kind of streaming"):
        table(AUDIT, methods)

"""What a fake vault answers instead of what was asked for."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import status_pb2


class Refused(Exception):
    """Ends the call with a status, as the vault would."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str = "refused",
        *details: Message,
        plain: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.plain = plain
        packed = []
        for detail in details:
            box = any_pb2.Any()
            box.Pack(detail)
            packed.append(box)
        self.status = status_pb2.Status(code=code.value[0], message=message, details=packed)

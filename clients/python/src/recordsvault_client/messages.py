"""The audit stream message by message, for those who verify it or pass it on."""

from __future__ import annotations

import grpc

from recordsvault.audit.v1 import audit_pb2 as pb
from recordsvault_client.events import Cursor
from recordsvault_masked.recovery import Recovery
from recordsvault_masked.resumed import Resumed


class MessageStream(
    Resumed[pb.StreamEventsRequest, pb.StreamEventsResponse, pb.StreamEventsResponse]
):
    """Messages of the log's stream as they come: entries, checkpoints, leaf hashes, positions.

    A lost connection is taken up again behind the last message that was handed out. What a message
    says is not judged here. Iterate over it in one thread; `close()` ends it, from any thread.
    """

    def __init__(
        self,
        method: grpc.UnaryStreamMultiCallable[pb.StreamEventsRequest, pb.StreamEventsResponse],
        request: pb.StreamEventsRequest,
        recovery: Recovery,
    ) -> None:
        """Made by `AuditClient.messages`."""
        cursor = Cursor(request)

        def take(message: pb.StreamEventsResponse) -> tuple[pb.StreamEventsResponse]:
            # Moved before it is handed out: who stops after this message has had it.
            cursor.position = message.next_position
            return (message,)

        super().__init__(method, cursor.request, take, cursor.over, recovery)

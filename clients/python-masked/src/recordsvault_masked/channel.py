"""Channels to the vault: mutual TLS always, from a profile."""

from __future__ import annotations

from typing import Any

import grpc
from grpc import aio

from recordsvault_masked.profile import Profile, Tier
from recordsvault_masked.receipts import KeepReceipts, KeepReceiptsAsync, ReceiptFile

_OPTIONS: tuple[tuple[str, Any], ...] = (
    # A page of the log may hold 500 entries of 64 KiB, as bytes and as an event.
    ("grpc.max_receive_message_length", 80 << 20),
    # A dead way to the vault is noticed within 80 seconds, also by a stream that waits for
    # news. Without a call nothing is sent.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    # gRPC's own pause between connections grows to two minutes: longer than any deadline here.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    ("grpc.primary_user_agent", "recordsvault-python"),
    # A proxy named in the environment would see who calls the vault, and when.
    ("grpc.enable_http_proxy", 0),
)


def open_channel(profile: Profile, tier: Tier, receipts: ReceiptFile | None = None) -> grpc.Channel:
    """A blocking channel to a tier; connects at the first call. Raises ProfileError.

    `receipts` is where the receipts of its calls are kept.
    """
    channel = grpc.secure_channel(profile.endpoint(tier), _credentials(profile), _OPTIONS)
    return channel if receipts is None else grpc.intercept_channel(channel, KeepReceipts(receipts))


def open_async_channel(
    profile: Profile, tier: Tier, receipts: KeepReceiptsAsync | None = None
) -> aio.Channel:
    """An asyncio channel to a tier, for the running event loop. Raises ProfileError.

    `receipts` keeps those of its calls.
    """
    interceptors = None if receipts is None else receipts.interceptors
    return aio.secure_channel(
        profile.endpoint(tier), _credentials(profile), _OPTIONS, interceptors=interceptors
    )


def _credentials(profile: Profile) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(profile.ca, profile.key, profile.certificate)

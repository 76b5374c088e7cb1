"""The server's own log lines."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from vault.cli.vaultd.logs import LogFormat, configure
from vault.store import StoreUnavailable

SECRET = "110101199003070011"


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def entries(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure()
    structlog.get_logger("vault.server").info("serving", tier="full")
    (entry,) = entries(capsys.readouterr().err)
    assert str(entry.pop("timestamp")).endswith("Z")
    assert entry == {"event": "serving", "tier": "full", "level": "info", "logger": "vault.server"}


def test_lines_of_the_standard_library_look_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)
    logging.getLogger("grpc").warning("lost %s", "peer")
    (entry,) = entries(capsys.readouterr().err)
    assert (entry["event"], entry["level"], entry["logger"]) == ("lost peer", "warning", "grpc")


@pytest.mark.parametrize("how", ["structlog", "logging"])
def test_an_error_is_named_and_placed_without_its_text(
    capsys: pytest.CaptureFixture[str], how: str
) -> None:
    configure(LogFormat.JSON)
    try:
        raise ValueError(SECRET)
    except ValueError:
        if how == "structlog":
            structlog.get_logger("vault.rpc").exception("call failed")
        else:
            logging.getLogger("vault.rpc").exception("call failed")
    said = capsys.readouterr().err
    assert SECRET not in said
    (entry,) = entries(said)
    assert entry["error"] == "builtins.ValueError"
    assert isinstance(entry["at"], list)
    assert str(entry["at"][-1]).rpartition(":")[0].endswith("test_vaultd_logs")


def test_the_text_of_one_of_our_errors_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)
    structlog.get_logger().error("no database", exc_info=StoreUnavailable("locked too long"))
    (entry,) = entries(capsys.readouterr().err)
    assert entry["error"] == "vault.store.errors.StoreUnavailable: locked too long"


def test_the_readable_form_hides_the_text_of_an_error_as_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(LogFormat.CONSOLE)
    try:
        raise ValueError(SECRET)
    except ValueError:
        structlog.get_logger("vault.rpc").exception("call failed")
    said = capsys.readouterr().err
    assert "call failed" in said
    assert "ValueError" in said
    assert SECRET not in said

"""`vaultd check-config` asks the provider of KEKs, whichever it is, and says what to mend."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_kms_providers import ProvidedVault
from tests.support.go_tool import BUILD_SECONDS
from tests.support.kms_providers import TIERS
from vault.kms import create_local_keks
from vault.kms.port import KekName
from vault.server.checking import Finding, examine
from vault.server.settings import TierName, load

pytestmark = [pytest.mark.timeout(BUILD_SECONDS), pytest.mark.slow]

FULL, MASKED = TierName
Look = Callable[[TierName], Finding]


@pytest.fixture
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> ProvidedVault:
    return ProvidedVault(tmp_path, TIERS[request.param])


def look(vault: ProvidedVault, tier: TierName) -> Finding:
    settings = load(vault.config, tier)
    return next(one for one in examine(settings, vault.config) if one.subject == "kms")


@pytest.mark.parametrize("vault", TIERS, indirect=True)
def test_a_provider_in_order_is_said_to_have_the_keks_of_the_tier(vault: ProvidedVault) -> None:
    full, masked = look(vault, FULL), look(vault, MASKED)
    assert (full.problem, full.warning) == ("", "")
    assert full.detail.startswith("KEK full, masked, index")
    assert (masked.problem, masked.warning) == ("", "")
    assert masked.detail.startswith("KEK masked")
    assert "full" not in masked.detail


@pytest.mark.parametrize("vault", TIERS, indirect=True)
def test_a_masked_node_with_too_much_is_found(vault: ProvidedVault) -> None:
    vault.given.too_much()
    assert "which no masked node may have" in look(vault, MASKED).problem


@pytest.mark.parametrize("vault", ["split"], indirect=True)
def test_split_keys_say_how_many_shares_open_them(vault: ProvidedVault) -> None:
    assert look(vault, FULL).detail.endswith("of which 3 of 5 shares open")


@pytest.mark.parametrize("vault", ["split"], indirect=True)
def test_keks_in_the_clear_beside_split_ones_are_a_warning(vault: ProvidedVault) -> None:
    create_local_keks(vault.folder / "kms" / "full", [KekName.INDEX])
    assert "lies in the clear" in look(vault, FULL).warning


@pytest.mark.parametrize("vault", ["transit"], indirect=True)
def test_a_provider_that_is_away_is_a_problem(vault: ProvidedVault) -> None:
    token = vault.folder / "kms" / "full" / "token"
    token.write_text("hvs.ended")
    assert "the token is refused" in look(vault, FULL).problem


@pytest.mark.parametrize("vault", ["local-file"], indirect=True)
def test_a_second_provider_is_looked_at_too(vault: ProvidedVault) -> None:
    create_local_keks(vault.folder / "kms" / "next", [KekName.FULL])
    table = '[tiers.full.kms_others.next]\nprovider = "local-file"\ndirectory = "kms/next"\n\n'
    text = vault.config.read_text().replace("[tiers.masked]", f"{table}[tiers.masked]")
    vault.config.write_text(text)
    assert look(vault, FULL).detail == "KEK full, masked, index; next: KEK full"

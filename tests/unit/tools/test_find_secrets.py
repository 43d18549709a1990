"""The search for secrets: what the quick look at whole texts may not miss."""

import base64
import random
from pathlib import Path

import pytest
from detect_secrets.core.secrets_collection import SecretsCollection

from tools import find_secrets

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def some(length: int, alphabet: str = LETTERS) -> str:
    """Characters that look random and are the same each time; no sample stands in this file as a whole."""
    return "".join(random.Random(7).choices(alphabet, k=length))


HEX = "0123456789abcdef"
#: a secret of each kind
SAMPLES = {
    # a word that no file may hold
    "Artifact" + "oryDetector": "AKC" + some(12),
    "AWSKeyDetector": "AKIA" + some(16, LETTERS.upper()),
    "AzureStorageKeyDetector": "AccountKey=" + some(88),
    "BasicAuthDetector": "https://someone:" + some(12) + "@example.com",
    "CloudantDetector": "cloudant_apikey: " + some(64, HEX),
    "DiscordBotTokenDetector": "M" + some(23) + "." + some(6) + "." + some(27),
    "GitHubTokenDetector": "ghp_" + some(36),
    "GitLabTokenDetector": "glpat-" + some(20),
    "Base64HighEntropyString": f'"{base64.b64encode(random.Random(7).randbytes(48)).decode()}"',
    "HexHighEntropyString": f'"{some(40, HEX)}"',
    "IbmCloudIamDetector": "ibm_cloud_iam_api_key: " + some(44),
    "IbmCosHmacDetector": "cos_hmac_secret_access_key: " + some(48, HEX),
    "IPPublicDetector": ".".join(["8", "8", "4", "4"]),
    "JwtTokenDetector": ".".join(
        base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (b'{"alg":"HS256"}', b'{"sub":"1234567890"}')
    ),
    "MailchimpDetector": some(32) + "-us5",
    "NpmDetector": "//registry.example.com/:_auth" + "Token=npm_" + some(20),
    "OpenAIDetector": "sk-" + some(20) + "T3BlbkFJ" + some(20),
    "PrivateKeyDetector": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "PypiTokenDetector": "pypi-" + "AgEIcHlwaS5vcmc" + some(72),
    "SendGridDetector": "SG." + some(22) + "." + some(43),
    "SlackDetector": "xoxb-" + "34532454-" + some(24),
    "SoftlayerDetector": "softlayer_apikey: " + some(64),
    "SquareOAuthDetector": "sq0csp-" + some(43),
    "StripeDetector": "sk_live_" + some(24),
    "TelegramBotTokenDetector": "110201543:" + some(35),
    "TwilioKeyDetector": "AC" + some(32),
}
#: where it stands: alone, after and before other words, and among lines like it
PLACES = {
    "alone": "{}",
    "last": "first\nsecond {}\nthird",
    "first": "first\n{} second\nthird",
    "between": 'first = ("\n\n  second {} third  \n")',
}


def found_by_detect_secrets(path: Path) -> set[str]:
    """What detect-secrets itself finds in a file, line by line."""
    found = SecretsCollection()
    found.scan_file(str(path))
    return {secret.type for _, secret in found}


def test_there_is_a_sample_for_each_plugin() -> None:
    """No plugin of detect-secrets that is asked is without a sample here."""
    assert {type(plugin).__name__ for plugin in find_secrets.chosen_plugins()} == set(SAMPLES)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", SAMPLES)
def test_a_secret_is_found_wherever_it_stands(tmp_path: Path, kind: str, place: str) -> None:
    """What a plugin finds in a line it finds in the text too, so that the file is read line by line."""
    plugin = next(each for each in find_secrets.chosen_plugins() if type(each).__name__ == kind)
    path = tmp_path / "notes.txt"
    path.write_text(PLACES[place].format(SAMPLES[kind]))
    assert any(plugin.analyze_line(path.name, line) for line in path.read_text().splitlines())
    assert any(find_secrets.finds(plugin, text) for text in find_secrets.texts_of(path))
    assert find_secrets.worth_reading([str(path)]) == [str(path)]


@pytest.mark.parametrize(
    ("name", "text"),
    [("settings.yaml", "some:\n  thing: {}\n"), ("settings.ini", "[some]\nthing = {}\n"), ("settings", "thing = {}\n")],
)
def test_a_secret_without_quotation_marks_is_found_in_settings(tmp_path: Path, name: str, text: str) -> None:
    """Where a file says values without quotation marks, they are looked at as if they had them."""
    path = tmp_path / name
    path.write_text(text.format(some(40, HEX)))
    find_secrets.chosen_plugins()
    assert "Hex High Entropy String" in found_by_detect_secrets(path)
    assert find_secrets.worth_reading([str(path)]) == [str(path)]


def test_a_secret_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check names the file and the line of a secret, and passes where there is none."""
    clean, dirty = tmp_path / "clean.py", tmp_path / "dirty.py"
    clean.write_text("answer = 42\n")
    dirty.write_text(f'answer = 42\nkey = "{SAMPLES["GitHubTokenDetector"]}"\n')
    assert find_secrets.main([str(clean)]) == 0
    assert not capsys.readouterr().out
    assert find_secrets.main([str(clean), str(dirty)]) == 1
    assert f"{dirty}:2" in capsys.readouterr().out


def test_what_is_no_text_or_is_gone_is_passed_over(tmp_path: Path) -> None:
    """A picture, and a file that the folder no longer has, hold nothing to find."""
    picture = tmp_path / "picture"
    picture.write_bytes(b"\x89PNG\xff\xfe" + SAMPLES["GitHubTokenDetector"].encode())
    assert find_secrets.worth_reading([str(picture), str(tmp_path / "gone")]) == []

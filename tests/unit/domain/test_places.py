"""Countries and states: the table is whole, and a name means one of them."""

from importlib import resources

import phonenumbers
import pytest

from leadbridge.domain.places import comparable, countries, countries_with_states, states


def test_the_countries_are_those_of_the_time_zone_database() -> None:
    """The two-letter codes equal the list that the time zone database ships, and each has one of three letters."""
    table = resources.files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text("utf-8")
    expected = {line.split("\t")[0] for line in table.splitlines() if line and not line.startswith("#")}
    known = set(countries().values())

    assert {country.code for country in known} == expected
    assert {len(country.code3) for country in known} == {3}
    assert len({country.code3 for country in known}) == len({country.name for country in known}) == len(expected)


def test_every_country_with_telephones_is_known() -> None:
    """Regions of the telephone library are countries of the table, but for those that ISO 3166 only reserves."""
    unknown = {region for region in phonenumbers.SUPPORTED_REGIONS if comparable(region) not in countries()}

    assert unknown == {"AC", "TA", "XK"}


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("US", "US"),
        ("usa", "US"),
        ("U.S.A.", "US"),
        ("United States of America", "US"),
        ("Cote d'Ivoire", "CI"),
        ("CÔTE D’IVOIRE", "CI"),
        ("Bosnia & Herzegovina", "BA"),
        ("St. Lucia", "LC"),
        ("Österreich", "AT"),
        ("osterreich", "AT"),
        ("GEORGIA", "GE"),
        ("Korea, Republic of", "KR"),
        ("DR Congo", "CD"),
        ("Congo", "CG"),
    ],
)
def test_a_country_is_known_by_the_names_that_people_write(written: str, code: str) -> None:
    """Codes, names in other languages, without accents, with dots."""
    assert countries()[comparable(written)].code == code


@pytest.mark.parametrize(("country", "number"), [("US", 57), ("CA", 13), ("AU", 8), ("BR", 27), ("DE", 16)])
def test_all_states_of_a_country_are_there(country: str, number: int) -> None:
    """As many as ISO 3166-2 lists, each found by code, by code with country, and by name."""
    known = states(country)
    found = set(known.values())

    assert len(found) == len({state.code for state in found}) == number
    for state in found:
        for written in (state.code, f"{country}-{state.code}", state.name, state.name.upper()):
            assert known[comparable(written)] == state


def test_no_name_means_two() -> None:
    """A name that stood in two lines would mean the later one; there is none."""
    assert countries_with_states() == ("US", "CA", "AU", "BR", "DE")
    for country in set(countries().values()):
        for written in (country.code, country.code3, country.name):
            assert countries()[comparable(written)] == country

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vxloom.errors import RequestError
from vxloom.server.parameters import Arguments, Kind, Parameter, check, collect

ID = "0b6f5b4e-7d7a-4f5a-9d65-1f5a0c6e7a11"


def taken(kind: Kind, value: str, **more: object) -> Arguments:
    return check("doIt", [Parameter("x", kind, "", **more)], collect([("X", value)]))


def refusal(kind: Kind, value: str, **more: object) -> RequestError:
    with pytest.raises(RequestError) as error:
        taken(kind, value, **more)
    return error.value


def test_names_ignore_case_and_the_first_counts() -> None:
    given_ = collect([("DisplayText", "a"), ("displaytext", "b")])
    assert given_.values == {"displaytext": "a"}


def test_unknown_parameters_are_ignored() -> None:
    assert check("doIt", [], collect([("networktype", "Basic"), ("iptonetworklist[0].network", "x")])) == Arguments()


@pytest.mark.parametrize(("text", "flag"), [("true", True), ("True", True), ("TRUE ", True), ("None", False), ("yes", False), ("1", False)])
def test_only_true_is_true_and_nothing_is_an_error(text: str, flag: bool) -> None:
    assert taken(Kind.BOOLEAN, text).flag("x") is flag
    assert taken(Kind.BOOLEAN, text).choice("x") is flag


def test_a_blank_boolean_is_not_given() -> None:
    assert taken(Kind.BOOLEAN, "").flag("x", default=True)
    assert taken(Kind.BOOLEAN, "").choice("x") is None


def test_maps_keep_the_order_of_their_indexes_and_their_fields_case() -> None:
    given_ = collect([("Details[10].b", "2"), ("details[2].cpuNumber", "1"), ("details[2].vxloom.source", "external")])
    assert given_.rows("details") == ({"cpuNumber": "1", "vxloom.source": "external"}, {"b": "2"})
    assert given_.details() == {"cpuNumber": "1", "vxloom.source": "external", "b": "2"}


@pytest.mark.parametrize("name", ["a[0]", "a[0]b", "a[0][1].c", "a]0[.b", "[0].x", "a[].x", "a[0].", "a[0"])
def test_a_malformed_map_is_430(name: str) -> None:
    with pytest.raises(RequestError) as error:
        collect([(name, "v")])
    assert error.value.code == 430


@pytest.mark.parametrize("value", ["\x00", "a\x07b", "\x1b[0m", "\x7f"])
def test_control_characters_are_431(value: str) -> None:
    with pytest.raises(RequestError) as error:
        collect([("name", value)])
    assert error.value.code == 431


def test_lines_and_tabs_are_text() -> None:
    assert collect([("displaytext", "a\tb\r\nc")]).text("displaytext") == "a\tb\r\nc"


def test_a_missing_parameter_is_named() -> None:
    for pairs in ([], [("x", "")], [("x", "  ")]):
        with pytest.raises(RequestError) as error:
            check("doIt", [Parameter("x", Kind.STRING, "", required=True)], collect(pairs))
        assert error.value.code == 431
        assert "Unable to execute API command doit due to missing parameter x" in error.value.message


def test_a_required_map_counts_as_given() -> None:
    check("doIt", [Parameter("x", Kind.MAP, "", required=True)], collect([("x[0].a", "1")]))


@pytest.mark.parametrize("value", ["1", "x", ID[:-1], "{" + ID + "}", ID.replace("-", ""), f"urn:uuid:{ID}"])
def test_what_is_no_uuid_is_431_with_name_and_value(value: str) -> None:
    error = refusal(Kind.UUID, value)
    assert error.code == 431
    assert f"Invalid parameter x value={value}" in error.message


def test_ids_come_out_in_lower_case() -> None:
    assert taken(Kind.UUID, ID.upper()).filled("x") == ID


@pytest.mark.parametrize("value", ["1.5", "0x10", "ten", "1" * 20, "١", str(2**31), "9" * 19])
def test_what_is_no_number_is_431(value: str) -> None:
    assert refusal(Kind.INTEGER, value).code == 431


@pytest.mark.parametrize(("value", "number"), [("7", 7), ("-1", -1), ("+3", 3), ("", None)])
def test_numbers(value: str, number: int | None) -> None:
    assert taken(Kind.INTEGER, value).number("x") == number


def test_texts_have_a_length() -> None:
    assert taken(Kind.STRING, "x" * 255).text("x") == "x" * 255
    assert "at most 255" in str(refusal(Kind.STRING, "x" * 256))
    assert taken(Kind.STRING, "x" * 256, length=300)


def test_a_long_value_is_shortened_in_the_message() -> None:
    assert len(str(refusal(Kind.UUID, "y" * 100_000))) < 400


def test_lists() -> None:
    assert taken(Kind.LIST, " a, ,b,").items("x") == ("a", "b")
    assert refusal(Kind.LIST, "a," * 2000).code == 431


@pytest.mark.parametrize("value", ["2026-01-31", "2026-01-31T10:00:00+0000", "2026-01-31 10:00:00"])
def test_dates(value: str) -> None:
    moment = taken(Kind.DATE, value).moment("x")
    assert moment is not None
    assert moment.tzinfo is not None


def test_what_is_no_date_is_431() -> None:
    assert refusal(Kind.DATE, "yesterday").code == 431


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=6))
def test_whatever_comes_is_taken_or_refused_with_a_code(pairs: list[tuple[str, str]]) -> None:
    declared = [
        Parameter("a", Kind.UUID, ""),
        Parameter("b", Kind.INTEGER, ""),
        Parameter("c", Kind.MAP, ""),
        Parameter("d", Kind.DATE, ""),
    ]
    try:
        given_ = check("doIt", declared, collect(pairs))
    except RequestError as error:
        code = error.code
    else:
        given_.number("b")
        given_.moment("d")
        code = 200
    assert code in {200, 430, 431}

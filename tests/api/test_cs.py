"""Habits of the `cs` library and its command line that decide whether clients work at all."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from xml.etree import ElementTree as ET

import pytest
from cs import CloudStack, CloudStackApiException, CloudStackException

from tests.api.world import Server, make_zone, offering

AWKWARD = ["a b", "a+b", "100%", "a&b=c", "a/b", "a*b", "a~b", "[x]", "ümlaut", "汉字", "'\"<>\\", "trailing ", "*~[]+ &é"]


@pytest.fixture(scope="module")
def zone(api: CloudStack) -> str:
    return make_zone(api, "cs")


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_comes_back_unchanged(server: Server, zone: str, method: str, text: str) -> None:
    api = server.client(method=method)
    made = api.createNetwork(name="n", displaytext=text, zoneid=zone, networkofferingid=offering(api, "L2"))["network"]
    assert made["displaytext"] == text.strip()
    assert api.listNetworks(id=made["id"])["network"][0]["displaytext"] == text.strip()
    api.deleteNetwork(id=made["id"], fetch_result=True)


def test_wrong_credentials_are_401(server: Server) -> None:
    for api in (server.client(key="nobody"), server.client(secret="wrong"), server.client(expiration=0)):
        with pytest.raises(CloudStackApiException) as refused:
            api.listZones()
        assert refused.value.error["errorcode"] == 401
        assert refused.value.response.status_code == 401


def test_a_request_without_expiry_is_taken(server: Server) -> None:
    assert server.client(expiration=-1).listCapabilities()["capability"]["cloudstackversion"]


def test_fetch_list_gets_every_page(api: CloudStack, zone: str) -> None:
    everything = api.listConfigurations(fetch_list=True)
    api_page = api.listConfigurations(page=1, pagesize=5)
    assert api_page["count"] == len(everything) > 5
    assert len(api_page["configuration"]) == 5


def test_text_that_is_not_json_is_xml(api: CloudStack, zone: str) -> None:
    root = ET.fromstring(api.listZones(json=False, name="CS"))
    assert (root.tag, root.findtext("zone/id")) == ("listzonesresponse", zone)


def test_a_failed_job_is_an_error_with_the_servers_words(api: CloudStack) -> None:
    with pytest.raises(CloudStackApiException) as refused:
        api.queryAsyncJobResult(jobid="00000000-0000-4000-8000-000000000000")
    assert refused.value.error["errorcode"] == 431


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/client/api", "PUT", 405), ("/client", "GET", 404)])
def test_there_is_nothing_else_to_be_found(server: Server, path: str, method: str, status: int) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", method=method)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value as answer:
        assert answer.code == status


def test_a_large_body_is_refused(server: Server) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/client/api", b"a=" + b"x" * (1 << 21))
    with pytest.raises((urllib.error.URLError, ConnectionError)) as refused:
        urllib.request.urlopen(request, timeout=10)
    if isinstance(refused.value, urllib.error.HTTPError):
        with refused.value as answer:
            assert answer.code == 413


def test_the_command_line(server: Server, zone: str) -> None:
    done = server.cli("listZones", "name=cs")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["zone"][0]["id"] == zone
    listed = server.cli("listApis", "name=deployVirtualMachine")
    [deploy] = json.loads(listed.stdout)["api"]
    assert deploy["isasync"] is True
    assert {p["name"] for p in deploy["params"] if p["required"]} == {"serviceofferingid", "templateid", "zoneid"}


def test_the_command_line_waits_for_jobs_by_itself(server: Server, zone: str) -> None:
    server.cli("updateZone", f"id={zone}", "allocationstate=Disabled")
    made = json.loads(server.cli("createPhysicalNetwork", "name=second", f"zoneid={zone}", "vlan=100-200").stdout)
    assert made["physicalnetwork"]["vlan"] == "100-200"
    quick = json.loads(server.cli("--async", "deletePhysicalNetwork", f"id={made['physicalnetwork']['id']}").stdout)
    job = json.loads(server.cli("queryAsyncJobResult", f"jobid={quick['jobid']}").stdout)
    assert (job["jobstatus"], job["jobresult"]) == (1, {"success": True})
    server.cli("updateZone", f"id={zone}", "allocationstate=Enabled")


def test_the_command_line_shows_errors(server: Server) -> None:
    for arguments, code in ((("noSuchCommand",), 432), (("listZones", "id=7"), 431), (("createZone",), 431)):
        done = server.cli(*arguments)
        assert done.returncode != 0
        assert str(code) in done.stdout + done.stderr
    denied = server.cli("--post", "listZones", CLOUDSTACK_SECRET="wrong")
    assert "401" in denied.stdout + denied.stderr


def test_an_answer_is_one_line_with_one_key(server: Server, api: CloudStack) -> None:
    with pytest.raises(CloudStackException):
        server.client(key="x").listApis()
    assert list(api.listApis(name="listZones")) == ["count", "api"]

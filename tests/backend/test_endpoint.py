"""A server with OpenAI's API: its answers, its errors, and the key that it gets."""

from __future__ import annotations

import pytest
from helpers.model_server import Reply, prompt_of, serving

from mcqa_suite.backend.endpoint import Endpoint
from mcqa_suite.backend.sampling import Sampling
from mcqa_suite.common.errors import ConfigError, EndpointError


def test_a_completions_address_gets_a_plain_prompt(tmp_path):
    with serving(lambda body: prompt_of(body).upper()) as served:
        written = Endpoint(f"{served.url}/completions", "m").complete("abc", Sampling(), 1)
    assert (written.text, written.finish) == ("ABC", "length")
    assert served.bodies[0]["prompt"] == "abc"


SOON = (("retry-after-ms", "10"),)  # the client waits so long, not half a second


def test_a_busy_server_is_tried_again():
    with serving(lambda body: Reply(b"{}", 503, SOON) if len(served.bodies) < 3 else "at last") as served:
        assert Endpoint(served.url, "m").complete("p", Sampling(), 0).text == "at last"
    assert len(served.bodies) == 3


def test_a_server_that_stays_busy_is_an_error_after_a_bounded_number_of_tries():
    with serving(lambda body: Reply(b"{}", 500, SOON)) as served, pytest.raises(EndpointError, match="HTTP 500"):
        Endpoint(served.url, "m", retries=2).complete("p", Sampling(), 0)
    assert len(served.bodies) == 3


def test_a_refusal_is_one_line_and_not_tried_again():
    with (
        serving(lambda body: 401) as served,
        pytest.raises(EndpointError, match=r"HTTP 401: .*not today.*set MCQA_API_KEY"),
    ):
        Endpoint(served.url, "m").complete("p", Sampling(), 0)
    assert len(served.bodies) == 1


def test_an_address_without_a_server_is_a_one_line_error():
    with serving(str) as served:
        pass
    with pytest.raises(EndpointError, match=r"no answer \(ConnectError\); is the server running"):
        Endpoint(served.url, "m", retries=0).complete("p", Sampling(), 0)


JSON = (("Content-Type", "application/json"),)


@pytest.mark.parametrize("path", ["", "/completions"], ids=["chat", "completions"])
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"<html>"), "without choices: <html>"),
        (Reply(b"<html>", headers=JSON), "Expecting value"),
        (Reply(b'{"choices": [{"me', headers=JSON), "Unterminated string"),
        (Reply(b'{"choices"', headers=(*JSON, ("Content-Length", "500"))), r"no answer \(RemoteProtocolError\)"),
        ({"error": {"message": "out of memory"}}, "without choices: .*out of memory"),
        ({"choices": []}, "without choices"),
        ({"choices": "abc"}, "not an answer of OpenAI's API"),
        ({"choices": [{"index": 0}]}, "not an answer of OpenAI's API"),
        (Reply(b"[]", headers=JSON), "without choices"),
        (Reply(b"null", headers=JSON), "without choices"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_broken_answer_is_a_one_line_error(path, reply, reason):
    with serving(lambda body: reply) as served, pytest.raises(EndpointError, match=reason) as refused:
        Endpoint(f"{served.url}{path}", "m", retries=0).complete("p", Sampling(), 0)
    assert "\n" not in str(refused.value)


def test_a_server_without_a_model_is_an_error():
    with serving(str, models=()) as served, pytest.raises(ConfigError, match="serves 0 models"):
        Endpoint(served.url)


def test_half_of_a_surrogate_pair_does_not_stop_a_request():
    with serving(prompt_of) as served:
        assert Endpoint(served.url, "m", retries=0).complete("a\ud800b", Sampling(), 0).text == "a?b"


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/v1", "http://", "http://[::1/v1"])
def test_an_invalid_url_is_an_error(url):
    with pytest.raises(ConfigError, match="not the URL of a server"):
        Endpoint(url, "m")


def test_with_several_models_the_name_is_required():
    with serving(str, models=("one", "two")) as served, pytest.raises(ConfigError, match=r"2 models \(one, two\)"):
        Endpoint(served.url)


def test_a_key_that_the_server_quotes_is_not_shown(monkeypatch):
    monkeypatch.setenv("MCQA_API_KEY", "marker-5f1c")
    with (
        serving(lambda body: 401) as served,
        pytest.raises(EndpointError, match=r"HTTP 401: .*Bearer \.\.\.") as refused,
    ):
        Endpoint(served.url, "m").complete("p", Sampling(), 0)
    assert served.headers[0]["Authorization"] == "Bearer marker-5f1c"
    assert "marker-5f1c" not in str(refused.value)

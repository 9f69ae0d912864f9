"""A server with OpenAI's API: its answers, its errors, and the key that it gets."""

from __future__ import annotations

import gzip
import time

import pytest
from helpers.model_server import Reply, prompt_of, serving

from mcqa_suite.backend import endpoint
from mcqa_suite.backend.endpoint import Endpoint
from mcqa_suite.backend.sampling import Request, Sampling
from mcqa_suite.common.errors import ConfigError, EndpointError
from mcqa_suite.common.http import MOST_BYTES


def test_a_completions_address_gets_a_plain_prompt(tmp_path):
    with serving(lambda body: prompt_of(body).upper()) as served:
        written = Endpoint(f"{served.url}/completions", "m").complete("abc", Sampling(), 1)
    assert (written.text, written.finish) == ("ABC", "length")
    assert served.bodies[0]["prompt"] == "abc"


def test_a_busy_server_is_tried_again():
    with serving(lambda body: 503 if len(served.bodies) < 3 else "at last") as served:
        assert Endpoint(served.url, "m", backoff=0.01).complete("p", Sampling(), 0).text == "at last"
    assert len(served.bodies) == 3


def test_a_server_that_stays_busy_is_an_error_after_a_bounded_number_of_tries():
    with serving(lambda body: 500) as served, pytest.raises(EndpointError, match="HTTP 500"):
        Endpoint(served.url, "m", retries=2, backoff=0.01).complete("p", Sampling(), 0)
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
    with pytest.raises(EndpointError, match=r"no answer \(ClientConnectorError\); is the server running"):
        Endpoint(served.url, "m", retries=0).complete("p", Sampling(), 0)


JSON = (("Content-Type", "application/json"),)


@pytest.mark.parametrize("path", ["", "/completions"], ids=["chat", "completions"])
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"<html>"), "no JSON .*Expecting value.*<html>"),
        (Reply(b"[" * 200_000), "no JSON .*100 deep"),
        (Reply(b'{"choices": [{"message": ' + b"9" * 5000), "no JSON"),
        (Reply(gzip.compress(b" " * 1_000_000), headers=(("Content-Encoding", "gzip"),)), "compressed answer .gzip."),
        (Reply(b" " * (MOST_BYTES + 1)), "more than 32 MB"),
        (Reply(b"", 307, (("Location", "http://127.0.0.1:9/v1"),)), "HTTP 307"),
        ({"choices": [{"message": {"content": [{"type": "text", "text": "B"}]}, "text": ["B"]}]}, "no text but list"),
        ({"choices": [{"message": {"content": None, "reasoning": "So B."}, "text": None}]}, "no text but NoneType"),
        (Reply(b'{"choices": [{"me', headers=JSON), "Unterminated string"),
        (Reply(b'{"choices"', headers=(*JSON, ("Content-Length", "500"))), r"no answer \(ClientPayloadError\)"),
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
        assert Endpoint(served.url, "m", retries=0).complete("a\ud800b", Sampling(), 0).text == "a\ufffdb"


ODD = [
    "localhost:8000",
    "ftp://host/v1",
    "http://",
    "http://[::1/v1",
    "http://h:99999/v1",
    "http://h\n/v1",
    "http://h v",
]


@pytest.mark.parametrize("url", ODD)
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


def test_a_key_in_a_response_is_masked_and_half_a_surrogate_replaced(monkeypatch):
    monkeypatch.setenv("MCQA_API_KEY", "marker-5f1c")
    reply = {"choices": [{"message": {"content": "marker-5f1c \ud800B"}, "finish_reason": "marker-5f1c"}]}
    with serving(lambda body: reply) as served:
        response = Endpoint(served.url, "m").complete("p", Sampling(), 0)
    assert (response.text, response.finish) == ("... \ufffdB", "...")


def test_a_model_whose_name_is_the_key_is_not_named(monkeypatch):
    monkeypatch.setenv("MCQA_API_KEY", "marker-5f1c")
    with serving(str, models=("marker-5f1c", "two")) as served, pytest.raises(ConfigError, match=r"\(\.\.\., two\)"):
        Endpoint(served.url)


@pytest.mark.parametrize("key", ["sk-caf\xe9-12345", "sk-one\nX-Header: two"])
def test_a_key_that_no_header_can_hold_is_an_error_that_does_not_show_it(monkeypatch, key):
    monkeypatch.setenv("MCQA_API_KEY", key)
    with pytest.raises(ConfigError, match="MCQA_API_KEY: holds a character") as refused:
        Endpoint("http://localhost:1", "m")
    assert "sk-" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://u:hunter22@host/v1", "http://host/v1?api_key=hunter22", "ftp://u:hunter22@host"]
)
def test_a_url_with_a_password_or_key_is_refused_without_it(url):
    with pytest.raises(ConfigError, match="set MCQA_API_KEY") as refused:
        Endpoint(url, "m")
    assert "hunter22" not in str(refused.value)


def test_a_server_that_drips_is_given_up_after_the_time_of_a_whole_request(monkeypatch):
    monkeypatch.setattr(endpoint, "SECONDS", 0.5)
    with serving(lambda body: Reply(b" " * 40, drip=0.1)) as served:
        started = time.monotonic()
        with pytest.raises(EndpointError, match="timed out"):
            Endpoint(served.url, "m", retries=0).complete("p", Sampling(), 0)
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("reply", [Reply(b" " * 400, drip=0.1), Reply(b"later", 503, (("Retry-After", "99999999"),))])
def test_all_tries_of_a_request_are_bounded_in_time_together(monkeypatch, reply):
    monkeypatch.setattr(endpoint, "PATIENCE", 1.0)
    monkeypatch.setattr(endpoint, "SECONDS", 0.7)
    with serving(lambda body: reply) as served:
        started = time.monotonic()
        with pytest.raises(EndpointError, match=r"timed out|HTTP 503"):
            Endpoint(served.url, "m", retries=50, backoff=0.01).complete("p", Sampling(), 0)
        assert time.monotonic() - started < 5


def test_escape_sequences_of_a_server_are_not_in_the_message():
    reply = Reply(b"\x1b]0;owned\x07\x1b[2K", 400)
    with serving(lambda body: reply) as served, pytest.raises(EndpointError) as refused:
        Endpoint(served.url, "m").complete("p", Sampling(), 0)
    assert str(refused.value).isprintable()


def test_a_request_without_an_answer_is_counted_and_the_others_are_answered():
    with serving(lambda body: {"choices": 5} if prompt_of(body) == "3" else "yes") as served:
        requests = [Request(str(i), 0, str(i), 0) for i in range(10)]
        answers = Endpoint(served.url, "m", retries=1, backoff=0.01).generate(Sampling(), 2)(requests)
        ids = []
        with pytest.raises(EndpointError, match=r"1 of 10 requests got no answer; rerun .*without choices.*2 tries"):
            ids.extend(request.id for request, _ in answers)
    assert sorted(ids) == [str(i) for i in range(10) if i != 3]
    assert len(served.bodies) == 11

"""The models of a server, and the one that answers."""

import pytest

from models import FailureCode
from services.engines import EngineError, Model
from tests.services.engines.provider import tell
from tests.services.engines.replies import text_of

MODELS = [
    {"id": "plain"},
    {"id": "router", "context_length": 1000},
    {"id": "vllm", "max_model_len": 2000},
    {"id": "llama", "meta": {"n_ctx_train": 8192, "n_ctx": 4096}},
    {"id": "odd", "meta": None, "context_length": "many"},
]


async def listing(answer):
    await answer.whole(200, {"object": "list", "data": MODELS})


async def test_the_models_are_listed_with_what_they_can_take(make_engine, provider):
    provider.plays(listing)
    assert await make_engine(model="vllm").models() == [
        Model("plain", False, None),
        Model("router", False, 1000),
        Model("vllm", True, 2000),
        Model("llama", False, 4096),
        Model("odd", False, None),
    ]
    assert (provider.requests[0].method, provider.requests[0].path) == ("GET", "/v1/models")


async def test_a_model_that_is_set_but_not_listed_comes_first(make_engine, provider):
    provider.plays(listing)
    assert (await make_engine(model="mine").models())[0] == Model("mine", True, None)


async def test_without_a_model_the_first_one_listed_answers_from_the_first_reply_on(make_engine, provider):
    engine = make_engine(model=None)
    assert engine.default_model is None
    provider.plays(listing, tell)
    await text_of(engine)
    await text_of(engine)
    assert engine.default_model == "plain"
    assert [request.path for request in provider.requests].count("/v1/models") == 1
    assert provider.requests[-1].body["model"] == "plain"


async def test_a_server_without_a_list_is_asked_without_a_model(make_engine, provider):
    async def missing(answer):
        await answer.whole(404, {})

    provider.plays(missing, tell)
    assert await text_of(make_engine(model=None)) == "Once upon a time."
    assert "model" not in provider.requests[-1].body


@pytest.mark.parametrize("body", [b"<html>", {"models": []}, {"data": [1]}, {"data": None}])
async def test_a_list_that_is_none_is_a_typed_failure(engine, provider, body):
    async def script(answer):
        await answer.whole(200, body)

    provider.plays(script)
    with pytest.raises(EngineError) as refusal:
        await engine.models()
    assert refusal.value.failure.code is FailureCode.ENGINE_REFUSED

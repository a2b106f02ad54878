"""Tests of the list of models, and of the default model."""

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
    {"id": "huge", "context_length": 2**31},
    {"id": "true", "context_length": True},
]


async def listing(answer):
    await answer.whole(200, {"object": "list", "data": MODELS})


async def test_the_models_are_listed_with_their_context_length(make_engine, provider):
    provider.plays(listing)
    assert await make_engine(model="vllm").models() == [
        Model("plain", False, None),
        Model("router", False, 1000),
        Model("vllm", True, 2000),
        Model("llama", False, 4096),
        Model("odd", False, None),
        Model("huge", False, None),
        Model("true", False, None),
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


async def test_the_names_in_the_list_are_storable(make_engine, provider):
    async def script(answer):
        names = [r"fox\u0000 \ud83e\udd8a", r"half \ud83e", r"\u0000", "x" * 3_000_000]
        entries = ",".join(f'{{"id": "{name}"}}' for name in names)
        await answer.whole(200, f'{{"data": [{entries}]}}'.encode())

    provider.plays(script)
    models = await make_engine(model=None).models()
    assert [model.name for model in models] == ["fox 🦊", "half \ufffd", "x" * 200]


@pytest.mark.parametrize("size, fits", [(4 * 1024 * 1024, True), (4 * 1024 * 1024 + 1, False)])
async def test_a_list_of_more_than_4_mib_is_a_typed_failure(make_engine, provider, size, fits):
    async def script(answer):
        await answer.whole(200, b'{"data": [{"id": "plain"}]}'.ljust(size))

    provider.plays(script)
    engine = make_engine(model=None)
    if fits:
        assert [model.name for model in await engine.models()] == ["plain"]
        return
    with pytest.raises(EngineError, match="4 MiB") as refusal:
        await engine.models()
    assert refusal.value.failure.code is FailureCode.ENGINE_REFUSED


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        {"models": []},
        {"data": [1]},
        {"data": None},
        b'{"data": ' + b"[" * 100_000,
        b'{"data": [{"id": "a", "created": ' + b"9" * 5000 + b"}]}",
        b'{"data": [{"id": "\xff"}]}',
    ],
)
async def test_an_invalid_list_is_a_typed_failure(engine, provider, body):
    async def script(answer):
        await answer.whole(200, body)

    provider.plays(script)
    with pytest.raises(EngineError) as refusal:
        await engine.models()
    assert refusal.value.failure.code is FailureCode.ENGINE_REFUSED

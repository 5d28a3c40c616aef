"""The official `openai` client against a cluster: what programs written for OpenAI's service meet."""
import json
import math

import openai
import pytest

MODEL = "troupe-tiny"
MESSAGES = [{"role": "user", "content": "It was a dark evening and the sea"}]
PROMPT = "It was a dark evening and the sea"


@pytest.fixture(scope="module")
def client(cluster):
    with openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", max_retries=0, timeout=60) as one:
        yield one


@pytest.fixture(scope="module")
def vocabulary(root) -> dict[str, int]:
    return json.loads((root / "models" / MODEL / "tokenizer.json").read_text())["model"]["vocab"]


def chat(client, **fields):
    return client.chat.completions.create(**({"model": MODEL, "messages": MESSAGES, "max_tokens": 40} | fields))


def complete(client, **fields):
    return client.completions.create(**({"model": MODEL, "prompt": PROMPT, "max_tokens": 40} | fields))


def chat_stream_text(client, **fields) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chat(client, stream=True, **fields) if c.choices)


def test_chat_answers_with_a_message(client):
    answer = chat(client, temperature=0)
    assert answer.id.startswith("chatcmpl-") and answer.object == "chat.completion" and answer.model == MODEL
    (choice,) = answer.choices
    assert choice.index == 0 and choice.message.role == "assistant" and choice.logprobs is None
    assert choice.finish_reason in ("length", "stop")
    assert len(choice.message.content) > 20
    usage = answer.usage
    assert usage.prompt_tokens > 5 and 1 <= usage.completion_tokens <= 40
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    print(f"\n{choice.message.content!r}")


def test_chat_streams_what_it_answers(client):
    whole = chat(client, temperature=0)
    chunks = list(chat(client, temperature=0, stream=True))
    assert {c.id for c in chunks} == {chunks[0].id} and {c.object for c in chunks} == {"chat.completion.chunk"}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + [whole.choices[0].finish_reason]
    assert all(c.usage is None for c in chunks)


def test_completions_stream_what_they_answer(client):
    whole = complete(client, temperature=0)
    assert whole.id.startswith("cmpl-") and whole.object == "text_completion" and whole.model == MODEL
    chunks = list(complete(client, temperature=0, stream=True))
    assert "".join(c.choices[0].text for c in chunks) == whole.choices[0].text
    assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + [whole.choices[0].finish_reason]


def test_a_stream_includes_its_usage_when_asked(client):
    for create, stream in [(chat, "chat"), (complete, "completions")]:
        usage = create(client, temperature=0).usage
        *chunks, last = create(client, temperature=0, stream=True, stream_options={"include_usage": True})
        assert last.choices == [] and last.usage == usage, stream
        assert all(c.usage is None for c in chunks), stream


def test_a_seed_fixes_the_text(client):
    texts = {seed: chat(client, temperature=1, seed=seed).choices[0].message.content for seed in range(5)}
    print(f"\n{len(set(texts.values()))} texts of {len(texts)} seeds")
    assert len(set(texts.values())) == len(texts)
    for seed, text in texts.items():
        assert chat(client, temperature=1, seed=seed).choices[0].message.content == text
        assert chat_stream_text(client, temperature=1, seed=seed) == text
    unseeded = {complete(client, temperature=1).choices[0].text for _ in range(4)}
    assert len(unseeded) == 4


def test_temperature_0_is_always_the_same(client):
    assert len({complete(client, temperature=0, seed=seed).choices[0].text for seed in range(5)}) == 1


def test_a_text_ends_before_its_stop(client):
    text = complete(client, temperature=0, max_tokens=60).choices[0].text
    ends_across_tokens = 0
    tokens = complete(client, temperature=0, max_tokens=60, logprobs=0).choices[0].logprobs.tokens
    borders = {sum(map(len, tokens[:i])) for i in range(len(tokens))}
    for begin in range(5, len(text) - 12, 7):
        stop = text[begin : begin + 6]
        ends_across_tokens += any(begin < border < begin + 6 for border in borders)
        expected = text[: text.index(stop)]
        answer = complete(client, temperature=0, max_tokens=60, stop=stop).choices[0]
        assert (answer.text, answer.finish_reason) == (expected, "stop"), stop
        chunks = list(complete(client, temperature=0, max_tokens=60, stop=["\0", stop], stream=True))
        assert "".join(c.choices[0].text for c in chunks) == expected, stop
        assert chunks[-1].choices[0].finish_reason == "stop"
    print(f"\n{ends_across_tokens} stops lay across tokens")
    assert ends_across_tokens > 0
    never = complete(client, temperature=0, max_tokens=60, stop=["no such text in it"]).choices[0]
    assert never.text == text


def test_chat_logprobs_belong_to_the_text(client):
    answer = chat(client, temperature=0, logprobs=True, top_logprobs=5)
    choice = answer.choices[0]
    tokens = choice.logprobs.content
    assert len(tokens) == answer.usage.completion_tokens
    assert b"".join(bytes(t.bytes) for t in tokens).decode() == choice.message.content
    for token in tokens:
        assert len(token.top_logprobs) == 5
        tops = [t.logprob for t in token.top_logprobs]
        assert tops == sorted(tops, reverse=True) and sum(map(math.exp, tops)) <= 1 + 1e-6
        assert token.logprob == tops[0] and token.token == token.top_logprobs[0].token
    streamed = [t for c in chat(client, temperature=0, logprobs=True, top_logprobs=5, stream=True)
                if c.choices and c.choices[0].logprobs for t in c.choices[0].logprobs.content]
    assert streamed == tokens


def test_completion_logprobs_belong_to_the_text(client):
    answer = complete(client, temperature=0.8, seed=3, logprobs=3)
    choice = answer.choices[0]
    logprobs = choice.logprobs
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(logprobs.top_logprobs) == answer.usage.completion_tokens
    assert "".join(logprobs.tokens) == choice.text
    assert logprobs.text_offset == [sum(map(len, logprobs.tokens[:i])) for i in range(len(logprobs.tokens))]
    for token, logprob, top in zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs):
        assert 3 <= len(top) <= 4 and logprob <= 0
        # OpenAI: "the API will always return the logprob of the sampled token".
        assert top[token] == logprob, (token, logprob, top)


def test_n_answers_differ_and_a_seed_fixes_them_all(client):
    first = chat(client, n=3, temperature=1, seed=11)
    assert [choice.index for choice in first.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in first.choices]
    assert len(set(texts)) == 3
    assert first.usage.completion_tokens <= 3 * 40
    again = chat(client, n=3, temperature=1, seed=11)
    assert [choice.message.content for choice in again.choices] == texts
    streamed = ["", "", ""]
    for chunk in chat(client, n=3, temperature=1, seed=11, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == texts


def test_several_prompts_are_answered_in_order(client):
    prompts = ["The old man", "In the garden", "She opened the letter"]
    alone = [complete(client, prompt=prompt, temperature=0) for prompt in prompts]
    together = complete(client, prompt=prompts, temperature=0)
    assert [choice.index for choice in together.choices] == [0, 1, 2]
    assert [choice.text for choice in together.choices] == [one.choices[0].text for one in alone]
    assert together.usage.prompt_tokens == sum(one.usage.prompt_tokens for one in alone)
    assert together.usage.completion_tokens == sum(one.usage.completion_tokens for one in alone)
    assert complete(client, prompt=prompts, temperature=0, n=2).choices[5].index == 5


def test_prompts_may_be_token_ids(client, vocabulary):
    ids = [vocabulary["Ġthe"]]
    echoed = complete(client, prompt=ids, temperature=0, echo=True)
    assert echoed.usage.prompt_tokens == 1
    assert echoed.choices[0].text.startswith(" the")
    text = complete(client, prompt=" the", temperature=0, extra_body={"add_special_tokens": False})
    assert " the" + text.choices[0].text == echoed.choices[0].text
    both = complete(client, prompt=[ids, ids * 3], temperature=0)
    assert both.usage.prompt_tokens == 4
    assert both.choices[0].text == text.choices[0].text


def test_max_tokens_ends_a_text(client):
    for tokens in [1, 7, 40]:
        answer = complete(client, temperature=0, max_tokens=tokens, extra_body={"ignore_eos": True})
        assert answer.usage.completion_tokens == tokens
        assert answer.choices[0].finish_reason == "length"
    assert chat(client, max_completion_tokens=3, max_tokens=None).usage.completion_tokens <= 3
    assert complete(client, max_tokens=None, temperature=0, extra_body={"ignore_eos": True}).usage.completion_tokens == 16


def test_logit_bias_forces_and_forbids(client, vocabulary):
    the = vocabulary["Ġthe"]
    forced = complete(client, temperature=1, max_tokens=5, logit_bias={str(the): 100})
    assert forced.choices[0].text == " the" * 5
    plain = complete(client, temperature=0, logprobs=0).choices[0]
    banned = plain.logprobs.tokens[0]
    bias = {str(vocabulary[banned.replace(" ", "Ġ")]): -100}
    assert complete(client, temperature=0, logprobs=0, logit_bias=bias).choices[0].logprobs.tokens[0] != banned


def test_penalties_make_a_text_repeat_less(client):
    def share_of_new(**fields) -> float:
        answer = complete(client, temperature=0, max_tokens=150, logprobs=0, **fields)
        tokens = answer.choices[0].logprobs.tokens
        return len(set(tokens)) / len(tokens)

    plain = share_of_new(extra_body={"ignore_eos": True})
    for fields in [{"presence_penalty": 1.5}, {"frequency_penalty": 1.5}, {"repetition_penalty": 1.3}]:
        share = share_of_new(extra_body=fields | {"ignore_eos": True})
        print(f"\n{fields}: {share:.2f} of the tokens are new; without {plain:.2f}", end="")
        assert share > plain
    print()


def test_models_are_listed_and_retrieved(client):
    assert {MODEL, "default"} <= {model.id for model in client.models.list()}
    model = client.models.retrieve("default")
    assert (model.id, model.object, model.owned_by) == ("default", "model", "troupe")
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.models.retrieve("gpt-4o")


def test_an_unknown_model_is_not_found(client):
    for create in [chat, complete]:
        with pytest.raises(openai.NotFoundError, match="no-such-model") as caught:
            create(client, model="no-such-model")
        assert caught.value.param == "model" and caught.value.type == "invalid_request_error"
        with pytest.raises(openai.NotFoundError, match="no-such-model"):
            create(client, model="no-such-model", stream=True)


@pytest.mark.parametrize(
    "fields, named",
    [
        ({"temperature": 3}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 10_000}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 100_000}, "max_tokens"),
        ({"stop": ["a"] * 100}, "stop"),
        ({"stop": ""}, "stop"),
        ({"seed": "one"}, "seed"),
        ({"logit_bias": {"-1": 5}}, "logit_bias"),
        ({"logit_bias": {"1": 500}}, "logit_bias.1"),
        ({"presence_penalty": 9}, "presence_penalty"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"extra_body": {"min_p": 7}}, "min_p"),
    ],
    ids=str,
)
def test_a_value_out_of_range_is_named(client, fields, named):
    for create in [chat, complete]:
        with pytest.raises(openai.BadRequestError) as caught:
            create(client, **fields)
        assert caught.value.param == named, caught.value
        assert named in caught.value.message
        assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    "create, fields, named",
    [
        (complete, {"suffix": "the end"}, "suffix"),
        (complete, {"best_of": 2}, "best_of"),
        (complete, {"echo": True, "logprobs": 2}, "echo"),
        (chat, {"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        (chat, {"response_format": {"type": "json_object"}}, "response_format"),
        (chat, {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
         "messages[0].content[0].type"),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_what_is_not_there_is_refused_by_name(client, create, fields, named):
    with pytest.raises(openai.BadRequestError, match="not supported") as caught:
        create(client, **fields)
    assert (caught.value.param, caught.value.code) == (named, "unsupported_parameter")


def test_a_context_that_is_too_long_is_said(client):
    with pytest.raises(openai.BadRequestError, match="context is 1024 tokens") as caught:
        complete(client, prompt="word " * 3000)
    assert caught.value.code == "context_length_exceeded" and caught.value.param == "prompt"
    with pytest.raises(openai.BadRequestError, match="messages") as caught:
        chat(client, messages=[])
    assert caught.value.param == "messages"

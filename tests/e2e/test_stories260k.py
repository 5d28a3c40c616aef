"""A real model that others trained, imported, tells its published story over HTTP on one, two and four ranks."""
import pytest

PARALLEL = [1, 2, 4]


@pytest.fixture(scope="module")
def folder(data):
    source = data / "weights" / "stories260K"
    if not source.is_dir():
        pytest.skip("no stories260K in the data folder")
    return source


def published_story(folder) -> str:
    """The greedy one of stories260K.md: what `run -t 0.0` printed."""
    text = (folder / "stories260K.md").read_text()
    after = text.split("-t 0.0\n", 1)[1]
    return after.split("\n```", 1)[0]


def test_the_published_story_comes_out_word_for_word(folder, troupe, start_cluster, tmp_path):
    model = tmp_path / "stories260K"
    done = troupe("model", "import", "--checkpoint", folder / "checkpoint_legacy.bin",
                  "--tokenizer", folder / "tokenizer.bin", "--out", model)
    assert done.returncode == 0, done
    deployments = [
        {"name": f"tp-{ranks}", "model": str(model), "tensorParallel": ranks, "groups": 1} for ranks in PARALLEL
    ]
    cluster = start_cluster(deployments=deployments)
    story = published_story(folder)
    assert len(story) > 500
    texts = {}
    for ranks in PARALLEL:
        answer = cluster.complete(model=f"tp-{ranks}", prompt="", max_tokens=256, temperature=0)
        text = answer["choices"][0]["text"]
        print(f"\ntp {ranks}: {answer['usage']}, {answer['choices'][0]['finish_reason']}, {len(text)} characters")
        assert text.rstrip("\n") == story
        texts[ranks] = text
        ids = cluster.complete(model=f"tp-{ranks}", prompt=[1], max_tokens=256, temperature=0)
        assert ids["choices"][0]["text"] == text
    print(texts[1])
    chance = {
        cluster.complete(model=f"tp-{ranks}", prompt="Once upon", max_tokens=200, temperature=1, seed=7)["choices"][0]["text"]
        for ranks in PARALLEL
    }
    assert len(chance) == 1, "the same seed must tell the same story however many ranks compute it"

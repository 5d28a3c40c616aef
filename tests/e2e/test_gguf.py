"""A GGUF file in place of a model folder: described, checked and served, with the answers that the folder gives."""
import gguf
import pytest

CHAT = {"messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 40, "temperature": 0}


@pytest.fixture(scope="module")
def model(root, tmp_path_factory):
    return gguf.write(root / "models" / "troupe-tiny", tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def test_model_info_describes_a_gguf_file(troupe, model):
    done = troupe("model", "info", model)
    assert done.returncode == 0, done.stderr
    for line in ["architecture:  llama, tied embeddings", "of BF16, F32 in 1 file", "tokenizer:     gpt2, gpt-2",
                 "chat template: yes", "vocabulary:    2048 tokens"]:
        assert line in done.stdout
    # A folder with one such file and nothing else means the file.
    assert troupe("model", "info", model.parent).returncode == 0


def test_a_damaged_gguf_file_is_named_before_anything_starts(troupe, model, tmp_path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model.read_bytes()[:-1000])
    done = troupe("model", "info", cut)
    assert done.returncode == 1
    assert "cut.gguf: tensor " in done.stderr and "it is truncated" in done.stderr and done.stderr.count("\n") == 1
    cut.write_bytes(b"GGUF" + (1).to_bytes(4, "little") + bytes(100))
    assert "GGUF of version 1 is not supported" in troupe("model", "info", cut).stderr


def test_a_gguf_file_is_served_with_the_answers_of_its_folder(start_cluster, model, root):
    deployments = [
        {"name": "gguf", "model": str(model), "tensorParallel": 2, "groups": 1},
        {"name": "folder", "model": str(root / "models" / "troupe-tiny"), "tensorParallel": 1, "groups": 1},
    ]
    cluster = start_cluster(deployments=deployments)
    # The folder has a generation_config.json, the file has not.
    prompt = {"prompt": "Once upon a time", "max_tokens": 60, "top_p": 1}
    for sampling in [{"temperature": 0}, {"temperature": 1, "seed": 5}]:
        ours, theirs = (cluster.complete(model=name, **prompt, **sampling) for name in ["gguf", "folder"])
        assert ours["usage"] == theirs["usage"]
        assert ours["choices"] == theirs["choices"]
    answers = [cluster.request("POST", "/v1/chat/completions", {"model": name} | CHAT) for name in ["gguf", "folder"]]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json()["choices"] == answers[1].json()["choices"]

"""The program's commands that need no cluster: what they print, and how they end."""
import json
import shutil


def refused(done, *parts: str) -> None:
    """It failed, and said why in one line."""
    assert done.returncode == 1, done
    assert done.stderr.startswith("troupe: ") and done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr


def test_help_and_version_say_what_there_is(troupe):
    shown = troupe("--help")
    assert shown.returncode == 0
    for command in ["config", "model"]:
        assert command in shown.stdout
        assert troupe(command, "--help").returncode == 0
    assert troupe("--version").stdout.startswith("troupe ")


def test_a_mistake_in_the_command_line_is_named(troupe):
    for arguments, part in [
        ([], "required"),
        (["confg"], "confg"),
        (["config", "chek"], "chek"),
        (["config", "check"], "FILE"),
        (["--nope"], "--nope"),
        (["model", "import", "--out", "x"], "--checkpoint"),
    ]:
        done = troupe(*arguments)
        assert done.returncode == 2, arguments
        assert done.stdout == ""
        assert done.stderr.startswith("troupe: ") and done.stderr.count("\n") == 1, done.stderr
        assert part in done.stderr


def test_config_check_accepts_what_run_uses(troupe, root):
    done = troupe("config", "check", root / "cluster-config" / "local.yaml")
    assert done.returncode == 0
    assert "ranks 4" in done.stdout


def test_config_check_says_where_a_typo_is(troupe, root, tmp_path):
    text = (root / "cluster-config" / "local.yaml").read_text()
    line = 1 + text[: text.index("tensorParallel")].count("\n")
    file = tmp_path / "typo.yaml"
    file.write_text(text.replace("tensorParallel", "tensorParalel"))
    refused(troupe("config", "check", file), f"typo.yaml:{line}:5: deployments[0].tensorParalel: ", "tensorParallel?")
    refused(troupe("config", "check", tmp_path / "none.yaml"), "none.yaml: cannot be opened: No such file")


def test_config_keys_prints_the_reference(troupe, root):
    assert troupe("config", "keys").stdout == (root / "docs" / "configuration.md").read_text()


def test_model_info_describes_the_bundled_model(troupe, root):
    done = troupe("model", "info", root / "models" / "troupe-tiny")
    assert done.returncode == 0
    assert "architecture:  llama" in done.stdout
    assert "served with:   a tokenizer of 2048 tokens, a chat template\n" in done.stdout


def test_model_info_names_what_is_wrong(troupe, root, tmp_path):
    refused(troupe("model", "info", tmp_path / "none"), "none")
    weights = (root / "models" / "troupe-tiny" / "model.safetensors").read_bytes()
    for name in ["config.json", "tokenizer.json"]:
        (tmp_path / name).write_bytes((root / "models" / "troupe-tiny" / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    refused(troupe("model", "info", tmp_path), "model.safetensors")


def test_model_info_says_when_a_gateway_could_not_serve_it(troupe, root, tmp_path):
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]:
        shutil.copy(root / "models" / "troupe-tiny" / name, tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": "{% if %}"}))
    done = troupe("model", "info", tmp_path)
    refused(done, "it cannot be served: ", "chat_template: line 1")
    assert "architecture:  llama" in done.stdout
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": None}))
    done = troupe("model", "info", tmp_path)
    assert done.returncode == 0 and "no chat template (chat requests are refused)" in done.stdout
    (tmp_path / "tokenizer.json").unlink()
    refused(troupe("model", "info", tmp_path), "it cannot be served: ", "tokenizer.json")


def test_model_import_makes_a_folder_once(troupe, data, tmp_path):
    source = data / "weights" / "stories260K"
    arguments = ["model", "import", "--checkpoint", source / "checkpoint_legacy.bin", "--out", tmp_path / "out"]
    done = troupe(*arguments, "--tokenizer", source / "tokenizer.bin")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "config.json").read_text())["hidden_size"] == 64
    refused(troupe(*arguments, "--tokenizer", source / "tokenizer.bin"), str(tmp_path / "out"))
    refused(troupe(*arguments, "--tokenizer", tmp_path / "none.bin"), "none.bin")
    refused(troupe(*arguments, "--tokenizer", source / "stories260K.md"), "stories260K.md")

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


def tiny(root):
    return root / "models" / "troupe-tiny"


def test_model_plan_says_what_fits_and_refuses_what_does_not(troupe, root):
    plan = ["model", "plan", tiny(root), "--tp", 2, "--memory", "64MiB"]
    done = troupe(*plan, "--context", 512)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = {line.split(":")[0]: line for line in done.stdout.splitlines() if ":" in line}
    assert "rank 1" in done.stdout and "of 64.0 MiB" in lines["memory"]
    pages = int(lines["kv"].split(" in ")[1].split()[0])
    assert f"{16 * pages} tokens" in lines["kv"]
    assert f"{pages // 32} streams of 512 tokens" in lines["concurrency"]
    few = troupe(*plan, "--kv-positions", 100)
    assert "112 tokens in 7 pages" in few.stdout and "1 streams of 112 tokens" in few.stdout
    refused(troupe(*plan, "--kv-positions", 16 * pages + 1), "MiB for 2 ranks", f"enough for {16 * pages}")
    refused(troupe(*plan, "--context", 2000), "2000 positions is longer than the 1024 of the model")
    refused(troupe(*plan, "--context", 200, "--kv-positions", 100), "200 positions is longer than the 112")
    refused(troupe(*plan[:-1], "1MiB"), "there are 1 MiB, too few for any")
    refused(troupe("model", "plan", tiny(root), "--tp", 3), "8 attention heads", "over 3 ranks, only over 1, 2, 4, 8")
    assert troupe(*plan[:-1], "much").returncode == 2


def test_model_plan_goes_by_what_this_machine_has(troupe, root):
    done = troupe("model", "plan", tiny(root))
    assert done.returncode == 0, done.stderr
    assert "streams of 1024 tokens" in done.stdout


def perplexity_of(done) -> float:
    assert done.returncode == 0, done.stderr
    return float(next(line for line in done.stdout.splitlines() if line.startswith("perplexity:")).split()[1])


def test_model_perplexity_measures_a_text(troupe, root, tmp_path):
    own = troupe("model", "perplexity", tiny(root))
    assert f"text:          {tiny(root) / 'held_out.txt'}" in own.stdout
    assert 20 < perplexity_of(own) < 100
    text = tmp_path / "text"
    text.write_text((tiny(root) / "held_out.txt").read_text()[:2000])
    measure = ["model", "perplexity", tiny(root), "--text", text]
    with_context = perplexity_of(troupe(*measure))
    assert with_context == perplexity_of(troupe(*measure, "--threads", 1))
    assert perplexity_of(troupe(*measure, "--window", 1)) > 1.2 * with_context
    refused(troupe(*measure, "--window", 1025), "1025 positions is longer than the 1024 of the model")
    text.write_text("")
    refused(troupe(*measure), f"{text}: the text has 0 tokens")
    text.write_bytes(b"\xff")
    refused(troupe(*measure), str(text), "UTF-8")
    refused(troupe("model", "perplexity", tiny(root), "--text", tmp_path / "none"), "none")


def test_model_quantise_says_what_was_lost(troupe, root, tmp_path):
    done = troupe("model", "quantise", tiny(root), "--to", "int4", "--out", tmp_path / "int4")
    assert "matrices quantised" in done.stdout
    assert perplexity_of(done) > perplexity_of(troupe("model", "perplexity", tiny(root)))
    assert perplexity_of(done) == perplexity_of(troupe("model", "perplexity", tmp_path / "int4"))
    for name in ["config.json", "model.safetensors", "tokenizer.json"]:
        (tmp_path / "bare").mkdir(exist_ok=True)
        shutil.copy(tiny(root) / name, tmp_path / "bare")
    done = troupe("model", "quantise", tmp_path / "bare", "--to", "int8", "--out", tmp_path / "int8")
    assert done.returncode == 0 and "perplexity:    not measured" in done.stdout


def test_model_prune_makes_a_folder_that_can_be_served(troupe, root, tmp_path):
    prune = ["model", "prune", tiny(root), "--sparsity", 0.5, "--out"]
    done = troupe(*prune, tmp_path / "half")
    assert "50.00 % of their weights are zero" in done.stdout
    assert perplexity_of(done) > perplexity_of(troupe("model", "perplexity", tiny(root)))
    assert "served with:" in troupe("model", "info", tmp_path / "half").stdout
    text = tmp_path / "text"
    text.write_text((tiny(root) / "README.md").read_text())
    by_use = [*prune, tmp_path / "by-use", "--method", "activations"]
    done = troupe(*by_use, "--calibration", text)
    assert "50.00 % of their weights are zero" in done.stdout and done.returncode == 0, done.stderr
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ["half", "by-use"]]
    assert weights[0] != weights[1]


def test_model_prune_refuses_what_it_cannot_do(troupe, root, tmp_path):
    prune = ["model", "prune", tiny(root), "--out", tmp_path / "out", "--sparsity"]
    for sparsity in ["1", "-0.5", "nan"]:
        refused(troupe(*prune, sparsity), "sparsity must be at least 0 and less than 1")
    refused(troupe(*prune, 0.5, "--method", "activations"), "needs --calibration FILE")
    empty = tmp_path / "empty"
    empty.write_text("")
    refused(troupe(*prune, 0.5, "--calibration", empty), "is for --method activations")
    refused(troupe(*prune, 0.5, "--method", "activations", "--calibration", empty), f"{empty}: the text has 0 tokens")
    assert not (tmp_path / "out").exists()
    refused(troupe("model", "prune", tiny(root), "--out", tiny(root), "--sparsity", 0.5), "config.json exists already")
    assert troupe("model", "quantise", tiny(root), "--to", "int8", "--out", tmp_path / "int8").returncode == 0
    again = troupe("model", "prune", tmp_path / "int8", "--out", tmp_path / "out", "--sparsity", 0.5)
    refused(again, "is quantised already")
    assert troupe(*prune, 0.5, "--method", "luck").returncode == 2

"""Makes the golden files of this folder: tiny models of every family that troupe serves, and the logits that the
reference implementation, transformers, computes with them in f32.

    pip install torch transformers
    python3 make_families.py            all of them
    python3 make_families.py gemma2     one

A golden file holds a config.json, token sequences and logits, and no weights: those are drawn by `weight()` below, which
tests/unit/engine/golden_model.cpp computes too, to the bit. The model goes through a folder in the Hugging Face layout, so
that the names and shapes of its tensors, and how config.json is read, are transformers' own.
"""
import json
import pathlib
import sys
import tempfile
import zlib

import numpy
import safetensors.torch
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent

# What the models share: sizes that divide nothing, several blocks of 64 positions, heads for up to eight ranks.
SMALL = {
    "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 4,
    "vocab_size": 61, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
    "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}
# Gemma's weights of norms are stored less one.
AROUND_ZERO = {"gemma2", "gemma3"}

LONGROPE = {
    "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "head_dim": 8, "partial_rotary_factor": 0.75,
    "tie_word_embeddings": True, "original_max_position_embeddings": 96, "sliding_window": None,
    "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.25, 1.5], "long_factor": [1.5, 4.0, 9.0]},
}

FAMILIES = {
    # Llama 3.1: scaled rope, grouped queries.
    "llama": {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": False, "mlp_bias": False,
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 64},
    },
    # Llama 1 and 2: each head has its own keys; with what its derivatives add: linear scaling, biases, tied embeddings.
    "llama_linear": {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_key_value_heads": 8, "attention_bias": True,
        "tie_word_embeddings": True, "rope_scaling": {"type": "linear", "factor": 2.5},
    },
    "mistral": {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": 37},
    # Qwen 2.5 with the long context that its model card describes; the window is stated and off.
    "qwen2": {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "head_dim": 32, "tie_word_embeddings": True,
        "use_sliding_window": False, "sliding_window": 16, "max_window_layers": 1,
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
    },
    # Norms of queries and keys, heads that do not add up to the hidden size, a window in the layers from 1 on.
    "qwen3": {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 24, "attention_bias": False,
        "use_sliding_window": True, "sliding_window": 45, "max_window_layers": 1, "rope_theta": 1000000.0,
    },
    # Projections in one tensor.
    "phi3": {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "sliding_window": 50},
    # The same with a part of each head rotated, and frequencies for contexts longer than the original.
    "phi3_long": LONGROPE,
    # A server that keeps to the original context has those for short ones.
    "phi3_short": LONGROPE | {"context": 96},
    "gemma2": {
        "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "head_dim": 16, "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": True, "query_pre_attn_scalar": 24,
        "attn_logit_softcapping": 3.0, "final_logit_softcapping": 5.0, "sliding_window": 41, "cache_implementation": "hybrid",
    },
    "gemma3": {
        "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "head_dim": 16, "num_hidden_layers": 4,
        "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": True, "query_pre_attn_scalar": 20,
        "attn_logit_softcapping": None, "final_logit_softcapping": None, "sliding_window": 33, "sliding_window_pattern": 3,
        "rope_theta": 1000000.0, "rope_local_base_freq": 8000.0, "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    },
    # Experts in layers 1 and 3: layers 0, 2 and 4 have one MLP because of the step, layer 5 because it is named.
    "qwen3_moe": {
        "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "head_dim": 16, "num_hidden_layers": 6,
        "hidden_size": 48, "intermediate_size": 100, "num_experts": 9, "num_experts_per_tok": 3, "moe_intermediate_size": 26,
        "norm_topk_prob": False, "decoder_sparse_step": 2, "mlp_only_layers": [5], "attention_bias": False,
        "use_sliding_window": False, "sliding_window": None,
    },
    # As Qwen3-30B-A3B has it: experts everywhere, their weights add up to one.
    "qwen3_moe_normalised": {
        "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "head_dim": 16, "num_experts": 16,
        "num_experts_per_tok": 4, "moe_intermediate_size": 96, "norm_topk_prob": True, "decoder_sparse_step": 1,
        "mlp_only_layers": [], "attention_bias": False, "use_sliding_window": True, "sliding_window": 60,
    },
    "mixtral": {
        "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "num_local_experts": 5, "num_experts_per_tok": 2,
        "intermediate_size": 70, "sliding_window": None, "rope_theta": 1000000.0,
    },
}


def weight(name: str, shape: tuple[int, ...], seed: int, norms_around: int) -> torch.Tensor:
    """A tensor of k / 128 times a power of two, k in [-128, 127]: exact in bf16, f16 and f32. FNV-1a of the name and
    splitmix64 of the index (Steele et al. 2014) choose k. A matrix's power makes the products' variance one or two."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) % 2**64
    count = int(numpy.prod(shape))
    with numpy.errstate(over="ignore"):
        golden = numpy.uint64(0x9E3779B97F4A7C15)
        z = numpy.uint64(key) + golden * (numpy.arange(1, count + 1, dtype=numpy.uint64) + numpy.uint64(seed << 32))
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
    k = (z >> numpy.uint64(56)).astype(numpy.int64) - 128
    if len(shape) > 1:
        values = k / 128 / 2 ** ((shape[-1].bit_length() - 1) // 2 - 1)
    elif name.endswith("norm.weight"):
        values = norms_around + (k >> 1) / 128
    else:
        values = k / 256
    return torch.from_numpy(values.astype(numpy.float32)).reshape(shape)


def tokens(count: int, vocab_size: int, seed: int) -> list[int]:
    return numpy.random.default_rng(seed).integers(0, vocab_size, count).tolist()


def names_and_shapes(config, folder: pathlib.Path) -> dict[str, tuple[int, ...]]:
    """As transformers writes them."""
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    saved = safetensors.torch.load_file(folder / "model.safetensors")
    return {name: tuple(tensor.shape) for name, tensor in saved.items()}


def load(config: dict, seed: int, norms_around: int):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "config.json").write_text(json.dumps(config))
        shapes = names_and_shapes(transformers.AutoConfig.from_pretrained(folder), folder / "saved")
        weights = {key: weight(key, shape, seed, norms_around) for key, shape in shapes.items()}
        safetensors.torch.save_file(weights, folder / "model.safetensors", {"format": "pt"})
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager",
            output_loading_info=True)
    if any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")):
        raise SystemExit(f"transformers does not take the weights: {report}")
    return model.eval()


def make(family: str, seed: int) -> dict:
    config = SMALL | FAMILIES[family]
    context = config.pop("context", config["max_position_embeddings"])
    norms_around = 0 if family in AROUND_ZERO else 1
    model = load(config, seed, norms_around)
    cases = []
    for case, (count, positions) in enumerate([(5, [4]), (150, [9, 70, 149])]):
        count = min(count, context)
        # transformers gives a short sequence the frequencies of short ones though the model may go on; troupe does not.
        if count <= config.get("original_max_position_embeddings", context) < context:
            continue
        ids = tokens(count, config["vocab_size"], seed * 10 + case)
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
        cases.append({"tokens": ids, "logits": {position: logits[position] for position in positions if position < count}})
    return {
        "made_by": f"tests/golden/families/make_families.py, transformers {transformers.__version__}, torch {torch.__version__}",
        "seed": seed, "norms_around": norms_around, "context": context, "config": config, "cases": cases,
    }


def text(golden: dict) -> str:
    """One line for each key of the configuration, list of tokens and row of logits."""
    lines = [f"{json.dumps(key)}: {json.dumps(golden[key])}" for key in ("made_by", "seed", "norms_around", "context")]
    config = ",\n    ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in golden["config"].items())
    lines.append('"config": {\n    ' + config + "\n  }")
    cases = []
    for case in golden["cases"]:
        # Nine digits name a float.
        rows = [f'"{position}": [{", ".join(f"{value:.9g}" for value in row.tolist())}]'
                for position, row in case["logits"].items()]
        cases.append(f'{{"tokens": {json.dumps(case["tokens"])},\n     "logits": {{' + ",\n       ".join(rows) + "}}")
    lines.append('"cases": [\n    ' + ",\n    ".join(cases) + "\n  ]")
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def main() -> None:
    for family in FAMILIES:
        if sys.argv[1:] and family not in sys.argv[1:]:
            continue
        golden = make(family, zlib.crc32(family.encode()) % 1000)
        file = HERE / f"{family}.json"
        file.write_text(text(golden))
        last = list(golden["cases"][-1]["logits"].values())[-1]
        print(f"{file.name}: {file.stat().st_size} bytes; logits {last.min():.3g} to {last.max():.3g}, "
              f"deviation {last.std():.3g}")


if __name__ == "__main__":
    main()

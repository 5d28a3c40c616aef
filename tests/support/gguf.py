"""The bundled model, or any of its kind, as a GGUF file: bf16 Llama, byte-level tokenizer, chat template. Written from the
format's documentation (docs/gguf.md of github.com/ggml-org/ggml), without anything of ours."""
import json
import pathlib
import struct

U32, F32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
GGML_F32, GGML_BF16 = 0, 30
ALIGNMENT = 32

STEMS = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def array(kind: int, values: list[bytes]) -> bytes:
    return struct.pack("<IQ", kind, len(values)) + b"".join(values)


def metadata(folder: pathlib.Path) -> list[bytes]:
    config = json.loads((folder / "config.json").read_text())
    sizes = {
        "embedding_length": "hidden_size", "block_count": "num_hidden_layers", "feed_forward_length": "intermediate_size",
        "context_length": "max_position_embeddings", "attention.head_count": "num_attention_heads",
        "attention.head_count_kv": "num_key_value_heads", "rope.dimension_count": "head_dim",
    }
    numbers = {"attention.layer_norm_rms_epsilon": "rms_norm_eps", "rope.freq_base": "rope_theta"}
    return [
        pair("general.architecture", STRING, text("llama")),
        *(pair(f"llama.{key}", U32, struct.pack("<I", config[name])) for key, name in sizes.items()),
        *(pair(f"llama.{key}", F32, struct.pack("<f", config[name])) for key, name in numbers.items()),
    ]


def tokenizer(folder: pathlib.Path) -> list[bytes]:
    file = json.loads((folder / "tokenizer.json").read_text())
    config = json.loads((folder / "tokenizer_config.json").read_text())
    kinds = {token: (id, 1) for token, id in file["model"]["vocab"].items()}
    kinds |= {token["content"]: (token["id"], 3 if token["special"] else 4) for token in file["added_tokens"]}
    ordered = sorted(kinds, key=lambda token: kinds[token][0])
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in file["model"]["merges"]]
    return [
        pair("tokenizer.ggml.model", STRING, text("gpt2")),
        pair("tokenizer.ggml.pre", STRING, text("gpt-2")),
        pair("tokenizer.ggml.tokens", ARRAY, array(STRING, [text(token) for token in ordered])),
        pair("tokenizer.ggml.token_type", ARRAY, array(5, [struct.pack("<i", kinds[token][1]) for token in ordered])),
        pair("tokenizer.ggml.merges", ARRAY, array(STRING, [text(merge) for merge in merges])),
        pair("tokenizer.ggml.bos_token_id", U32, struct.pack("<I", kinds[config["bos_token"]][0])),
        pair("tokenizer.ggml.eos_token_id", U32, struct.pack("<I", kinds[config["eos_token"]][0])),
        pair("tokenizer.ggml.add_bos_token", BOOL, struct.pack("<B", config["add_bos_token"])),
        pair("tokenizer.chat_template", STRING, text(config["chat_template"])),
    ]


def paired(rows: bytes, count: int, head: int) -> bytes:
    """The rows of each head in the order in which Meta's rotation pairs them."""
    width = len(rows) // count
    order = [start + i % 2 * (head // 2) + i // 2 for start in range(0, count, head) for i in range(head)]
    return b"".join(rows[row * width:(row + 1) * width] for row in order)


def as_f32(bf16: bytes) -> bytes:
    return b"".join(b"\0\0" + bf16[at:at + 2] for at in range(0, len(bf16), 2))


def tensors(folder: pathlib.Path):
    """Name, shape, type and bytes of each, as a converter writes them."""
    head = json.loads((folder / "config.json").read_text())["head_dim"]
    file = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack_from("<Q", file)
    header = json.loads(file[8:8 + length])
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "BF16", name
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        data, shape = file[begin:end], entry["shape"]
        if "q_proj" in name or "k_proj" in name:
            data = paired(data, shape[0], head)
        if name.startswith("model.layers."):
            layer, stem = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
            name = f"blk.{layer}.{STEMS[stem]}.weight"
        else:
            name = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}[name]
        if len(shape) == 1:
            yield name, shape, GGML_F32, as_f32(data)
        else:
            yield name, shape, GGML_BF16, data


def write(folder: pathlib.Path, path: pathlib.Path) -> pathlib.Path:
    """The model of `folder` at `path`."""
    pairs = metadata(folder) + tokenizer(folder)
    infos, data = b"", b""
    count = 0
    for name, shape, kind, values in tensors(folder):
        infos += text(name) + struct.pack("<I", len(shape))
        infos += b"".join(struct.pack("<Q", size) for size in reversed(shape)) + struct.pack("<IQ", kind, len(data))
        data += values + b"\0" * (-len(values) % ALIGNMENT)
        count += 1
    head = b"GGUF" + struct.pack("<IQQ", 3, count, len(pairs)) + b"".join(pairs) + infos
    path.write_bytes(head + b"\0" * (-len(head) % ALIGNMENT) + data)
    return path

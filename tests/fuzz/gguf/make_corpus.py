"""Makes the inputs of tests/fuzz/corpus/gguf: small files that reach each part of the reader, whole and broken.

    python3 tests/fuzz/gguf/make_corpus.py tests/fuzz/corpus/gguf
"""
import pathlib
import struct
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from gguf import ALIGNMENT, ARRAY, BOOL, F32, STRING, U32, array, pair, text  # noqa: E402

BLOCKS = {0: (1, 4), 1: (1, 2), 30: (1, 2), 8: (32, 34), 2: (32, 18), 12: (256, 144), 14: (256, 210)}
F32_TYPE = 0


def u32(key, value):
    return pair(key, U32, struct.pack("<I", value))


def f32(key, value):
    return pair(key, F32, struct.pack("<f", value))


def texts(key, values):
    return pair(key, ARRAY, array(STRING, [text(value) for value in values]))


def numbers(key, kind, form, values):
    return pair(key, ARRAY, array(kind, [struct.pack(form, value) for value in values]))


def file(pairs, tensors, version=3, offsets=None):
    """tensors: (name, shape, ggml type); their bytes count up, so that scales are small numbers."""
    infos, data = b"", b""
    for number, (name, shape, kind) in enumerate(tensors):
        elements, size = BLOCKS[kind]
        count = 1
        for length in shape:
            count *= length
        at = offsets[number] if offsets else len(data)
        infos += text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", n) for n in reversed(shape))
        infos += struct.pack("<IQ", kind, at)
        values = bytes(n % 64 for n in range(count // elements * size))
        if name.startswith("rope_"):
            values = struct.pack(f"<{count}f", *range(1, count + 1))
        data += values + b"\0" * (-len(values) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + infos
    return head + b"\0" * (-len(head) % ALIGNMENT if data else 0) + data


def sizes(name="llama", hidden=32, heads=4, kv_heads=2, inner=32, vocab=12):
    return [
        pair("general.architecture", STRING, text(name)), u32(f"{name}.embedding_length", hidden),
        u32(f"{name}.block_count", 1), u32(f"{name}.feed_forward_length", inner), u32(f"{name}.context_length", 64),
        u32(f"{name}.attention.head_count", heads), u32(f"{name}.attention.head_count_kv", kv_heads),
        u32(f"{name}.rope.dimension_count", hidden // heads), f32(f"{name}.rope.freq_base", 10000.0),
        f32(f"{name}.attention.layer_norm_rms_epsilon", 1e-5), u32(f"{name}.vocab_size", vocab),
    ]


def layer(kind, hidden=32, kv=16, inner=32, vocab=12, bias=False):
    tensors = [
        ("token_embd.weight", (vocab, hidden), kind), ("blk.0.attn_norm.weight", (hidden,), F32_TYPE),
        ("blk.0.attn_q.weight", (hidden, hidden), kind), ("blk.0.attn_k.weight", (kv, hidden), kind),
        ("blk.0.attn_v.weight", (kv, hidden), kind), ("blk.0.attn_output.weight", (hidden, hidden), kind),
        ("blk.0.ffn_norm.weight", (hidden,), F32_TYPE), ("blk.0.ffn_gate.weight", (inner, hidden), kind),
        ("blk.0.ffn_up.weight", (inner, hidden), kind), ("blk.0.ffn_down.weight", (hidden, inner), kind),
        ("output_norm.weight", (hidden,), F32_TYPE),
    ]
    if bias:
        tensors += [(f"blk.0.attn_{part}.bias", (hidden if part == "q" else kv,), F32_TYPE) for part in "qkv"]
    return tensors


SMALL = sizes(hidden=8, heads=2, kv_heads=1, inner=8)
SMALL_LAYER = {"hidden": 8, "kv": 4, "inner": 8}


def sentence_pieces():
    tokens = [("<unk>", 2), ("<s>", 3), ("</s>", 3), ("<tool>", 4), ("<0x61>", 6), ("\u2581", 1), ("a", 1), ("b", 1),
              ("\u2581a", 1), ("ab", 1), ("\u2581ab", 1), ("never", 5)]
    return [
        pair("tokenizer.ggml.model", STRING, text("llama")), texts("tokenizer.ggml.tokens", [t for t, _ in tokens]),
        numbers("tokenizer.ggml.scores", 6, "<f", [-float(n) for n in range(len(tokens))]),
        numbers("tokenizer.ggml.token_type", 5, "<i", [kind for _, kind in tokens]),
        u32("tokenizer.ggml.bos_token_id", 1), u32("tokenizer.ggml.eos_token_id", 2),
        u32("tokenizer.ggml.unknown_token_id", 0), pair("tokenizer.ggml.add_space_prefix", BOOL, b"\1"),
        pair("tokenizer.chat_template", STRING, text("{% for m in messages %}{{ m.content }}{% endfor %}")),
    ]


def byte_level(pre):
    tokens = [(c, 1) for c in "abc123\u0120\u010A"] + [("ab", 1), ("\u0120a", 1), ("<|end|>", 3), ("\u00FC\u00FC", 4)]
    return [
        pair("tokenizer.ggml.model", STRING, text("gpt2")), pair("tokenizer.ggml.pre", STRING, text(pre)),
        texts("tokenizer.ggml.tokens", [t for t, _ in tokens]),
        numbers("tokenizer.ggml.token_type", 5, "<i", [kind for _, kind in tokens]),
        texts("tokenizer.ggml.merges", ["a b", "\u0120 a"]), u32("tokenizer.ggml.eos_token_id", 10),
        texts("tokenizer.chat_templates", ["tool_use"]), pair("tokenizer.chat_template", STRING, text("{{ x }}")),
        pair("tokenizer.chat_template.tool_use", STRING, text("{{ y }}")),
    ]


def every_type():
    """A value of each type, an array of each, arrays of arrays."""
    forms = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q", 12: "<d"}
    pairs = [pair(f"value.{kind}", kind, struct.pack(form, 1)) for kind, form in forms.items()]
    pairs += [numbers(f"array.{kind}", kind, form, [1, 0, 1]) for kind, form in forms.items()]
    inner = array(STRING, [text("a"), text("")])
    return pairs + [texts("texts", ["a", "", "b"]), pair("nested", ARRAY, array(ARRAY, [array(ARRAY, [inner]), inner]))]


def corpus():
    yield "empty", file([], [])
    yield "types", file(every_type(), [("t", (2, 2), 0)])
    yield "version_2", file(SMALL, layer(0, **SMALL_LAYER), version=2)
    yield "version_1", file([], [], version=1)
    yield "big_endian", file([], [], version=0x03000000)
    for name, kind in {"f32": 0, "f16": 1, "bf16": 30}.items():
        yield f"llama_{name}", file(SMALL + sentence_pieces(), layer(kind, **SMALL_LAYER))
    for name, kind in {"q8_0": 8, "q4_0": 2}.items():
        yield f"llama_{name}", file(sizes(), layer(kind))
    for name, kind in {"q4_k": 12, "q6_k": 14}.items():
        tensors = [("token_embd.weight", (2, 256), kind), ("blk.0.attn_q.weight", (8, 256), kind)]
        yield f"llama_{name}", file(sizes(hidden=256, heads=64, vocab=2), tensors)
    yield "qwen2", file(sizes("qwen2") + byte_level("qwen2"), layer(8, bias=True) + [("output.weight", (12, 32), 8)])
    yield "qwen3moe", file(sizes("qwen3moe", hidden=8, heads=2, kv_heads=1) + [
        u32("qwen3moe.expert_count", 2), u32("qwen3moe.expert_used_count", 1),
        u32("qwen3moe.expert_feed_forward_length", 3)], [
            ("blk.0.attn_q_norm.weight", (4,), 0), ("blk.0.ffn_gate_inp.weight", (2, 8), 0),
            ("blk.0.ffn_gate_exps.weight", (2, 3, 8), 1), ("blk.0.ffn_down_exps.weight", (2, 8, 3), 1)])
    yield "gemma3", file(sizes("gemma3", hidden=8, heads=2, kv_heads=1) + [
        u32("gemma3.attention.sliding_window", 16), f32("gemma3.final_logit_softcapping", 30.0),
        f32("gemma3.rope.freq_base_swa", 10000.0)], [
            ("blk.0.post_attention_norm.weight", (8,), 0), ("blk.0.post_ffw_norm.weight", (8,), 0)])
    yield "phi3", file(sizes("phi3", hidden=8, heads=2, kv_heads=1) + [
        u32("phi3.rope.scaling.original_context_length", 32), f32("phi3.rope.scaling.attn_factor", 1.25)], [
            ("rope_factors_short.weight", (2,), 0), ("rope_factors_long.weight", (2,), 0),
            ("blk.0.attn_qkv.weight", (16, 8), 0), ("blk.0.ffn_up.weight", (64, 8), 1)])
    yield "rope_table", file(SMALL, [("rope_freqs.weight", (2,), 0)] + layer(0, bias=True, **SMALL_LAYER))
    yield "sentence_pieces", file(sentence_pieces(), [])
    for pre in ["gpt-2", "llama-bpe", "deepseek-llm", "smollm"]:
        yield f"words_{pre}", file(byte_level(pre), [])
    yield "overlap", file(sizes(), [("a", (8,), 0), ("b", (8,), 0)], offsets=[0, 0])
    yield "outside", file(sizes(), [("a", (8,), 0)], offsets=[1 << 62])
    yield "alignment", file([u32("general.alignment", 64)], [("a", (16,), 0), ("b", (16,), 0)])
    yield "split", file([pair("split.count", 2, struct.pack("<H", 2))], [])
    yield "huge_counts", b"GGUF" + struct.pack("<IQQ", 3, (1 << 64) - 1, (1 << 64) - 1)
    yield "huge_string", b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, (1 << 64) - 1)
    yield "huge_array", file([pair("a", ARRAY, struct.pack("<IQ", 4, 1 << 62))], [])
    yield "huge_shape", file([], [])[:8] + struct.pack("<QQ", 1, 0) + text("a") + struct.pack(
        "<IQQIQ", 2, 1 << 63, 2, 8, 0)
    yield "scaled", file(sizes() + [pair("llama.rope.scaling.type", STRING, text("yarn")),
                                    f32("llama.rope.scaling.factor", 4.0)], [])


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in corpus():
        (folder / name).write_bytes(content)

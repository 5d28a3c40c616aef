"""Checks an exported model folder with a forward pass of its own, written in numpy.

    python3 check.py MODEL_FOLDER [--golden] [--samples] [--transformers]

Shares no code with the training module: it reads model.safetensors byte by byte.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

PROMPTS = (
    "The whale",
    "There was once a little girl who lived in a house by the sea.",
    "My fellow citizens, the future of our country depends on",
)
GOLDEN_CANDIDATES = PROMPTS + (
    "Once upon a time",
    "It was a dark night, and the ship",
    "Emma was very",
    "The President of the United States",
    "We must work together to",
    "The old man looked at the sea and said,",
    "Captain Ahab stood upon the deck",
    "In the morning the little boy went to the",
    "<|endoftext|><|user|>\nTell me a story.<|end|>\n<|assistant|>\n",
)


def read_safetensors(path):
    """The bf16 tensors of a safetensors file, widened to float32."""
    data = path.read_bytes()
    header_size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + header_size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "BF16", name
        begin, end = entry["data_offsets"]
        halves = np.frombuffer(data, "<u2", (end - begin) // 2, 8 + header_size + begin)
        tensors[name] = (halves.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])
    return tensors


class Reference:
    """Llama's forward pass in float32, with a key/value cache, one sequence at a time."""

    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = read_safetensors(folder / "model.safetensors")
        self.clear()

    def clear(self):
        self.cache = [None] * self.config["num_hidden_layers"]
        self.length = 0

    def norm(self, x, name):
        variance = np.mean(x * x, axis=-1, keepdims=True)
        return x / np.sqrt(variance + self.config["rms_norm_eps"]) * self.weights[name]

    def rotary(self, x):
        """x [heads, length, head_dim] at the positions after the cached ones."""
        size = x.shape[-1]
        inverse = self.config["rope_theta"] ** (-np.arange(0, size, 2, dtype=np.float32) / size)
        angles = np.arange(self.length, self.length + x.shape[1], dtype=np.float32)[:, None] * inverse
        cos, sin = np.cos(angles), np.sin(angles)
        low, high = x[..., :size // 2], x[..., size // 2:]
        return np.concatenate((low * cos - high * sin, high * cos + low * sin), axis=-1)

    def attention(self, index, x):
        prefix = f"model.layers.{index}.self_attn."
        heads, groups = self.config["num_attention_heads"], self.config["num_key_value_heads"]

        def project(name, count):
            return (x @ self.weights[prefix + name].T).reshape(len(x), count, -1).swapaxes(0, 1)

        q = self.rotary(project("q_proj.weight", heads))
        k = self.rotary(project("k_proj.weight", groups))
        v = project("v_proj.weight", groups)
        if self.cache[index] is not None:
            k = np.concatenate((self.cache[index][0], k), axis=1)
            v = np.concatenate((self.cache[index][1], v), axis=1)
        self.cache[index] = (k, v)
        k, v = np.repeat(k, heads // groups, axis=0), np.repeat(v, heads // groups, axis=0)
        scores = q @ k.swapaxes(1, 2) / np.sqrt(np.float32(q.shape[-1]))
        positions = np.arange(self.length, self.length + len(x))[:, None]
        scores = np.where(np.arange(k.shape[1]) <= positions, scores, -np.inf)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ v
        return mixed.swapaxes(0, 1).reshape(len(x), -1) @ self.weights[prefix + "o_proj.weight"].T

    def mlp(self, index, x):
        prefix = f"model.layers.{index}.mlp."
        gate = x @ self.weights[prefix + "gate_proj.weight"].T
        up = x @ self.weights[prefix + "up_proj.weight"].T
        return (gate / (1 + np.exp(-gate)) * up) @ self.weights[prefix + "down_proj.weight"].T

    def logits(self, ids):
        """Logits [len(ids), vocab] of further ids of the sequence."""
        x = self.weights["model.embed_tokens.weight"][ids]
        for index in range(self.config["num_hidden_layers"]):
            prefix = f"model.layers.{index}."
            x = x + self.attention(index, self.norm(x, prefix + "input_layernorm.weight"))
            x = x + self.mlp(index, self.norm(x, prefix + "post_attention_layernorm.weight"))
        self.length += len(ids)
        return self.norm(x, "model.norm.weight") @ self.weights["model.embed_tokens.weight"].T


def greedy(model, ids, count):
    """(continuation ids, smallest top-1/top-2 margin among the steps)."""
    model.clear()
    row, out, margin = model.logits(ids)[-1], [], np.inf
    for _ in range(count):
        second, first = np.sort(row)[-2:]
        margin = min(margin, float(first - second))
        out.append(int(row.argmax()))
        row = model.logits(out[-1:])[-1]
    return out, margin


def sample(model, ids, count, rng, stop=(), temperature=0.8, top_p=0.95):
    """Nucleus sampling; ends early at an id in `stop`."""
    model.clear()
    row, out = model.logits(ids)[-1], []
    for _ in range(count):
        order = np.argsort(-row)
        p = np.exp((row[order] - row[order[0]]) / temperature)
        p /= p.sum()
        kept = int(np.searchsorted(np.cumsum(p), top_p)) + 1
        out.append(int(rng.choice(order[:kept], p=p[:kept] / p[:kept].sum())))
        if out[-1] in stop:
            break
        row = model.logits(out[-1:])[-1]
    return out


def write_golden(folder, model, tokenizer):
    """golden.json: greedy continuations that an implementation can be held against.

    Of the candidates it keeps the three with the widest margins.
    """
    cases = []
    for prompt in GOLDEN_CANDIDATES:
        ids = tokenizer.encode(prompt).ids
        continuation, margin = greedy(model, ids, 32)
        cases.append({
            "prompt": prompt,
            "prompt_ids": ids,
            "continuation_ids": continuation,
            "continuation": tokenizer.decode(continuation),
            "smallest_margin": round(margin, 4),
        })
        print(f"margin {margin:.4f}  {prompt!r} -> {cases[-1]['continuation']!r}", flush=True)
    cases = sorted(cases, key=lambda case: -case["smallest_margin"])[:3]
    golden = {
        "made_by": "models/train/check.py --golden: numpy, float32 arithmetic on the bf16 weights widened "
                   "to float32, greedy, stop tokens not heeded, no token put before the prompt",
        "smallest_margin": "least difference of the best and second-best logit on the way",
        "cases": cases,
    }
    text = json.dumps(golden, indent=1, ensure_ascii=False) + "\n"
    (folder / "golden.json").write_text(text, encoding="utf-8")


def show_samples(model, tokenizer, length=160):
    rng = np.random.default_rng(7)
    end = tokenizer.token_to_id("<|end|>")
    questions = ("Tell me a story.", "Write about the sea.", "Give a speech to the nation.")
    chats = [f"<|endoftext|><|user|>\n{q}<|end|>\n<|assistant|>\n" for q in questions]
    for prompt in list(PROMPTS) + chats:
        ids = tokenizer.encode(prompt).ids
        stop = (end,) if prompt in chats else ()
        for name, out in (("greedy", greedy(model, ids, 60)[0]), ("sampled", sample(model, ids, length, rng, stop))):
            print(f"--- {name}: {prompt!r}\n{tokenizer.decode(out, skip_special_tokens=False)}\n")


def compare_with_transformers(folder, model, tokenizer):
    """The same ids, logits and chat rendering from the transformers package."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    their_tokenizer = AutoTokenizer.from_pretrained(folder)
    worst = 0.0
    for prompt in PROMPTS + ("  Odd   spacing, 1234 -- \"quotes\"\n\nand é, 日本, 😀.<|end|>",):
        ids = tokenizer.encode(prompt).ids
        assert their_tokenizer(prompt)["input_ids"] == ids, prompt
        assert tokenizer.decode(ids, skip_special_tokens=False) == prompt
        model.clear()
        with torch.no_grad():
            expected = theirs(torch.tensor([ids])).logits[0].numpy()
        worst = max(worst, float(np.abs(model.logits(ids) - expected).max()))
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    rendered = their_tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == "<|endoftext|><|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\n", rendered
    print(f"transformers: equal ids and chat rendering, largest difference of logits {worst:.2e}")
    assert worst < 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--golden", action="store_true", help="write golden.json into the folder")
    parser.add_argument("--samples", action="store_true", help="print continuations")
    parser.add_argument("--transformers", action="store_true", help="compare with the transformers package")
    options = parser.parse_args()
    model = Reference(options.folder)
    tokenizer = Tokenizer.from_file(str(options.folder / "tokenizer.json"))
    if options.transformers:
        compare_with_transformers(options.folder, model, tokenizer)
    if options.golden:
        write_golden(options.folder, model, tokenizer)
    if options.samples:
        show_samples(model, tokenizer)


if __name__ == "__main__":
    main()

"""A small Llama-architecture decoder and its export to the Hugging Face layout."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn


@dataclass(frozen=True)
class Shape:
    """Sizes of the network. The head counts and widths divide by 2 and by 4."""

    vocab: int = 2048
    hidden: int = 256
    layers: int = 6
    heads: int = 8
    kv_heads: int = 4
    intermediate: int = 384
    max_positions: int = 1024
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5

    @property
    def head_dim(self):
        return self.hidden // self.heads


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight, self.eps)


def rotary_tables(shape):
    """Cosines and sines [max_positions, head_dim] in the split-halves convention."""
    half = torch.arange(0, shape.head_dim, 2, dtype=torch.float32)
    inverse = 1.0 / shape.rope_theta ** (half / shape.head_dim)
    angles = torch.outer(torch.arange(shape.max_positions, dtype=torch.float32), inverse)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Attention(nn.Module):
    """Causal self-attention with grouped key/value heads."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        kv_width = shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.k_proj = nn.Linear(shape.hidden, kv_width, bias=False)
        self.v_proj = nn.Linear(shape.hidden, kv_width, bias=False)
        self.o_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        s = self.shape

        def heads(y, count):
            return y.view(batch, length, count, s.head_dim).transpose(1, 2)

        q = rotate(heads(self.q_proj(x), s.heads), cos, sin)
        k = rotate(heads(self.k_proj(x), s.kv_heads), cos, sin)
        v = heads(self.v_proj(x), s.kv_heads)
        group = s.heads // s.kv_heads
        k = k.repeat_interleave(group, dim=1).to(v.dtype)
        v = v.repeat_interleave(group, dim=1)
        y = F.scaled_dot_product_attention(q.to(v.dtype), k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, s.hidden))


class MLP(nn.Module):
    """The gated feed-forward block (SwiGLU)."""

    def __init__(self, shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.down_proj = nn.Linear(shape.intermediate, shape.hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, shape, dropout):
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = MLP(shape)
        self.input_layernorm = RMSNorm(shape.hidden, shape.norm_eps)
        self.post_attention_layernorm = RMSNorm(shape.hidden, shape.norm_eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, cos, sin):
        x = x + self.dropout(self.self_attn(self.input_layernorm(x), cos, sin))
        return x + self.dropout(self.mlp(self.post_attention_layernorm(x)))


class Llama(nn.Module):
    """Token ids [batch, length] to logits; the output matrix is the embedding."""

    def __init__(self, shape, dropout=0.0):
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape, dropout) for _ in range(shape.layers))
        self.norm = RMSNorm(shape.hidden, shape.norm_eps)
        self.dropout = nn.Dropout(dropout)
        cos, sin = rotary_tables(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._initialise()

    def _initialise(self):
        residual_scale = (2 * self.shape.layers) ** -0.5
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                scale = residual_scale if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
                nn.init.normal_(weight, std=0.02 * scale)

    def forward(self, ids):
        length = ids.shape[1]
        x = self.dropout(self.embed_tokens(ids))
        for layer in self.layers:
            x = layer(x, self.cos[:length], self.sin[:length])
        return F.linear(self.norm(x), self.embed_tokens.weight)

    def loss(self, ids):
        """Mean next-token cross-entropy over ids [batch, length + 1]."""
        logits = self(ids[:, :-1]).float()
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def load_exported(model, folder):
    """Take the weights of a folder that export() wrote."""
    tensors = load_file(str(Path(folder) / "model.safetensors"))
    model.load_state_dict({name.removeprefix("model."): tensor.float() for name, tensor in tensors.items()})


def export(model, special_ids, out):
    """Write config.json, generation_config.json and the bf16 model.safetensors."""
    s = model.shape
    out = Path(out)
    tensors = {
        f"model.{name}": weight.detach().to(torch.bfloat16).contiguous()
        for name, weight in model.named_parameters()
    }
    save_file(tensors, str(out / "model.safetensors"), metadata={"format": "pt"})
    stop = [special_ids["<|endoftext|>"], special_ids["<|end|>"]]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": stop[0],
        "eos_token_id": stop,
        "head_dim": s.head_dim,
        "hidden_act": "silu",
        "hidden_size": s.hidden,
        "initializer_range": 0.02,
        "intermediate_size": s.intermediate,
        "max_position_embeddings": s.max_positions,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": s.heads,
        "num_hidden_layers": s.layers,
        "num_key_value_heads": s.kv_heads,
        "pad_token_id": special_ids["<|pad|>"],
        "pretraining_tp": 1,
        "rms_norm_eps": s.norm_eps,
        "rope_scaling": None,
        "rope_theta": s.rope_theta,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": s.vocab,
    }
    generation = {
        "bos_token_id": stop[0],
        "eos_token_id": stop,
        "pad_token_id": special_ids["<|pad|>"],
        "do_sample": True,
        "temperature": 0.8,
        "top_p": 0.95,
    }
    write_json(out / "config.json", config)
    write_json(out / "generation_config.json", generation)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

"""Trains the bundled model: text in, a folder in the Hugging Face layout out.

    python3 train.py --text TEXT_FOLDER --out OUT_FOLDER

Interrupted runs go on from OUT_FOLDER/checkpoints/last.pt when started again.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import corpus
from model import Llama, Shape, export, load_exported, write_json


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", required=True, type=Path, help="folder of the source texts")
    parser.add_argument("--out", required=True, type=Path, help="folder for the model")
    parser.add_argument("--start", type=Path, help="model folder to begin with, instead of random weights")
    parser.add_argument("--steps", type=int, default=1780, help="optimizer steps in all")
    parser.add_argument("--decay", type=float, default=0.18, help="last part of the steps in which the rate falls")
    parser.add_argument("--warmup", type=int, default=100)
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--batch-tokens", type=int, default=8192)
    parser.add_argument("--context", type=int, default=256, help="training context")
    parser.add_argument("--long-context", type=int, default=1024, help="context of the last steps")
    parser.add_argument("--long-part", type=float, default=0.0337, help="last part of the steps at the long context")
    parser.add_argument("--long-batch-tokens", type=int, default=4096)
    parser.add_argument("--chat-share", type=float, default=0.15, help="rows that are conversations")
    parser.add_argument("--chat-count", type=int, default=6000, help="conversations made")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--every", type=int, default=50, help="steps between evaluations and checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="use torch.compile (needs a C++ compiler)")
    return parser.parse_args()


def train_tokenizer(text, size):
    """A byte-level BPE tokenizer with the chat markers as its first ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(corpus.SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text.split("<|endoftext|>"), trainer)
    return tokenizer


def save_tokenizer(tokenizer, shape, out):
    tokenizer.save(str(out / "tokenizer.json"))
    write_json(out / "tokenizer_config.json", {
        "add_bos_token": False,
        "add_eos_token": False,
        "added_tokens_decoder": {
            str(tokenizer.token_to_id(token)): {
                "content": token,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": True,
            }
            for token in corpus.SPECIALS
        },
        "bos_token": "<|endoftext|>",
        "chat_template": corpus.CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|end|>",
        "model_max_length": shape.max_positions,
        "pad_token": "<|pad|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
    })


class Data:
    """Token streams of the training and held-out text, and the rows drawn from them."""

    def __init__(self, options, shape):
        training, held_out = corpus.split_held_out(corpus.read_documents(options.text))
        prose = corpus.prose_text(training)
        if options.start:
            self.tokenizer = Tokenizer.from_file(str(options.start / "tokenizer.json"))
        else:
            self.tokenizer = train_tokenizer(prose, shape.vocab)
        self.seed = options.seed
        self.chat_share = options.chat_share
        self.prose = self._encode(prose)
        self.chat = self._encode(corpus.chat_text(training, options.chat_count, options.seed))
        self.held_out = self._encode(corpus.prose_text(held_out))
        self.held_out_chat = self._encode(corpus.chat_text(held_out, 100, options.seed))

    def _encode(self, text):
        parts = text.split("<|endoftext|>")
        encoded = self.tokenizer.encode_batch(["<|endoftext|>" + part for part in parts if part])
        return np.concatenate([np.array(e.ids, dtype=np.int64) for e in encoded])

    def batch(self, step, rows, length):
        """Rows of length + 1 ids for one step; the same for the same step and seed."""
        rng = np.random.default_rng((self.seed, step))
        picked = []
        for _ in range(rows):
            stream = self.chat if rng.random() < self.chat_share else self.prose
            start = rng.integers(len(stream) - length)
            picked.append(stream[start:start + length + 1])
        return torch.from_numpy(np.stack(picked))


def rows_of(stream, length):
    """The whole stream as rows of length + 1 ids, each row's last id opening the next."""
    count = (len(stream) - 1) // length
    return torch.from_numpy(np.stack([stream[i * length:(i + 1) * length + 1] for i in range(count)]))


@torch.no_grad()
def mean_loss(model, stream, length, most_rows=10**9, rows_at_once=16):
    """Mean loss in nats per token over a stream, or over an even selection of its rows."""
    model.eval()
    rows = rows_of(stream, length)
    rows = rows[::math.ceil(len(rows) / most_rows)]
    total = sum(model.loss(part).item() * len(part) for part in rows.split(rows_at_once))
    model.train()
    return total / len(rows)


def learning_rate(step, options):
    """Warm-up, a plateau, then a cosine fall to 2 % of the peak."""
    if step < options.warmup:
        return options.rate * (step + 1) / options.warmup
    fall = max(1, int(options.steps * options.decay))
    done = max(0, step - (options.steps - fall)) / fall
    return options.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def make_optimizer(model, options):
    """AdamW; weight decay on the matrices only."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": options.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.95))


class Run:
    """The state of a training run, kept in `checkpoints` so that it can go on later."""

    def __init__(self, options, shape, checkpoints):
        torch.manual_seed(options.seed)
        self.options = options
        self.model = Llama(shape, options.dropout)
        self.optimizer = make_optimizer(self.model, options)
        self.step, self.seconds, self.tokens, self.best = 0, 0.0, 0, math.inf
        self.checkpoints = checkpoints
        if (checkpoints / "last.pt").exists():
            self._load()
        elif options.start:
            load_exported(self.model, options.start)
        self.loss = torch.compile(self.model.loss) if options.compile else self.model.loss

    def _load(self):
        state = torch.load(self.checkpoints / "last.pt", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        self.step, self.seconds, self.tokens, self.best = state["progress"]

    def save(self):
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "progress": (self.step, self.seconds, self.tokens, self.best),
        }
        torch.save(state, self.checkpoints / "new.pt")
        (self.checkpoints / "new.pt").replace(self.checkpoints / "last.pt")

    def keep_if_best(self, held_out_loss):
        if held_out_loss < self.best:
            self.best = held_out_loss
            torch.save(self.model.state_dict(), self.checkpoints / "best.pt")

    def load_best(self):
        self.model.load_state_dict(torch.load(self.checkpoints / "best.pt", weights_only=True))

    def long_from(self):
        """The first step at the long context."""
        return int(self.options.steps * (1 - self.options.long_part))

    def length(self):
        """Context of the latest step."""
        return self.options.context if self.step <= self.long_from() else self.options.long_context

    def rows(self):
        """Sequences in the latest step's batch."""
        long = self.step > self.long_from()
        return (self.options.long_batch_tokens if long else self.options.batch_tokens) // self.length()

    def advance(self, data):
        """One optimizer step; returns its training loss."""
        started = time.monotonic()
        if self.step == self.long_from():
            self.best = math.inf  # weights that never saw the long context do not compete
        self.step += 1
        ids = data.batch(self.step - 1, self.rows(), self.length())
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step - 1, self.options)
        with torch.autocast("cpu", torch.bfloat16):
            loss = self.loss(ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.tokens += self.rows() * self.length()
        self.seconds += time.monotonic() - started
        return loss.item()


def train(run, data):
    """Runs to the last step, with a line of progress at every evaluation."""
    recent = []
    while run.step < run.options.steps:
        recent.append(run.advance(data))
        if run.step % run.options.every == 0 or run.step == run.options.steps:
            held_out = mean_loss(run.model, data.held_out, run.length())
            run.keep_if_best(held_out)
            run.save()
            print(
                f"step {run.step}/{run.options.steps}  train {np.mean(recent):.4f}  held-out {held_out:.4f}"
                f"  {run.tokens / 1e6:.1f}M tokens  {run.seconds / 60:.1f} min"
                f"  {run.tokens / run.seconds:.0f} tokens/s",
                flush=True,
            )
            recent = []


def summarise(run, data):
    """Losses of the chosen weights and what the run took, for the model card."""
    model, short, long = run.model, run.options.context, run.options.long_context
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "training_tokens_unique": len(data.prose),
        "training_tokens_seen": run.tokens,
        "steps": run.step,
        "minutes": round(run.seconds / 60, 1),
        "train_loss": mean_loss(model, data.prose, short, most_rows=200),
        "held_out_tokens": len(data.held_out),
        "held_out_loss": mean_loss(model, data.held_out, short),
        "held_out_loss_long": mean_loss(model, data.held_out, long),
        "held_out_chat_loss": mean_loss(model, data.held_out_chat, short),
    }


def main():
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    shape = Shape()
    checkpoints = options.out / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    data = Data(options, shape)
    print(f"tokens: prose {len(data.prose)}, chat {len(data.chat)}, held out {len(data.held_out)}", flush=True)
    save_tokenizer(data.tokenizer, shape, options.out)
    run = Run(options, shape, checkpoints)
    train(run, data)
    run.load_best()
    export(run.model, {t: data.tokenizer.token_to_id(t) for t in corpus.SPECIALS}, options.out)
    summary = summarise(run, data)
    write_json(checkpoints / "summary.json", summary)
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()

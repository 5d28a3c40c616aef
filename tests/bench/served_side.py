"""A cluster on this machine as a side of `troupe bench peers`: obeys lines on standard input, answers with lines.

    python served_side.py TROUPE MODEL THREADS CONTEXT STREAMS     then, one a line:
        decode STREAMS STEPS CONTEXT    ->  seconds of one step, as its clients see it, while all STREAMS run
        outside                         ->  of the group's busy time meanwhile, the share that was not inside the model

One group of one rank, reached over HTTP. MODEL is what `troupe bench peers` measures; it gets a tokenizer of numbered
words where it has none. Needs nothing beside Python.
"""
import json
import pathlib
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import cluster  # noqa: E402  (its folder is known only now)
import streams  # noqa: E402


def with_tokenizer(model: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    if (model / "tokenizer.json").exists() or (model / "tokenizer.model").exists():
        return model
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).symlink_to(file.resolve())
    words = json.loads((model / "config.json").read_text())["vocab_size"]
    vocabulary = {f"w{i} ": i for i in range(words)}
    bpe = {"type": "BPE", "vocab": vocabulary, "merges": [], "unk_token": "w0 "}
    (folder / "tokenizer.json").write_text(json.dumps({"model": bpe, "decoder": {"type": "Fuse"}}))
    return folder


class Side:
    def __init__(self, program: str, model: str, threads: int, context: int, streams_max: int, folder: pathlib.Path):
        served = with_tokenizer(pathlib.Path(model).resolve(), folder / "model")
        model_config = json.loads((served / "config.json").read_text())
        self.vocab = model_config["vocab_size"]
        ends = model_config.get("eos_token_id")
        self.never = {str(i): -100 for i in (ends if isinstance(ends, list) else [ends]) if i is not None}
        deployment = {
            "name": "bench", "model": str(served), "threadsPerRank": threads, "kvPositions": (context + 16) * streams_max,
            "sequencesMax": streams_max, "stepTokensMax": max(256, streams_max), "prefixCache": False,
        }
        config = cluster.write_config(folder / "cluster.yaml", [deployment])
        self.cluster = cluster.Cluster(program, config, folder)
        self.share_outside = 0.0

    def busy(self) -> tuple[float, float]:
        metrics = self.cluster.metrics()
        return metrics['troupe_group_busy_seconds{group="bench/0"}'], metrics['troupe_group_model_seconds{group="bench/0"}']

    def decode(self, count: int, steps: int, context: int) -> float:
        """Each stream has some tokens more than `steps`: those from before all run, and after the first has ended."""
        all_run = threading.Semaphore(0)
        lock = threading.Lock()
        tokens = [0] * count

        def counted(stream: int):
            def on_token():
                with lock:
                    tokens[stream] += 1
                    if tokens[stream] == 1:
                        all_run.release()
            return on_token

        def body(stream: int) -> dict:
            prompt = [(stream * 7919 + i * 104729 + 17) % self.vocab for i in range(context)]
            return {"model": "bench", "prompt": prompt, "max_tokens": steps + 2 * count, "logit_bias": self.never, "seed": stream}

        running = [streams.Stream(self.cluster.address, body(i), counted(i)) for i in range(count)]
        for stream in running:
            stream.start()
        for _ in running:
            all_run.acquire()
        busy, in_model = self.busy()
        for stream in running:
            stream.join()
            assert not stream.error, stream.error
        begin = max(stream.times[0] for stream in running)
        end = min(stream.times[-1] for stream in running)
        between = sum(begin < at <= end for stream in running for at in stream.times)
        later_busy, later_in_model = self.busy()
        assert between > 0 and later_busy > busy, "the streams ended before they ran together: give them more steps"
        self.share_outside = 1 - (later_in_model - in_model) / (later_busy - busy)
        return (end - begin) * count / between

    def outside(self) -> float:
        return self.share_outside


def main() -> None:
    program, model, *numbers = sys.argv[1:6]
    with tempfile.TemporaryDirectory(prefix="troupe-bench-") as folder:
        side = Side(program, model, *map(int, numbers), pathlib.Path(folder))
        try:
            side.cluster.start()
            print("ready", flush=True)
            for line in sys.stdin:
                command, *arguments = line.split()
                print(getattr(side, command)(*map(int, arguments)), flush=True)
            side.cluster.stop()
        finally:
            side.cluster.destroy()


if __name__ == "__main__":
    main()

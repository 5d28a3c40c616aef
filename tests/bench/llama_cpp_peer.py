"""llama.cpp as the other side of `troupe bench peers`: obeys lines on standard input, answers with lines.

    python llama_cpp_peer.py MODEL.gguf THREADS CONTEXT STREAMS     then, one a line:
        prefill TOKENS                      ->  seconds of one prompt, from an empty context to its last logits
        decode STREAMS STEPS CONTEXT        ->  seconds of one step, the mean of STEPS
        resident                            ->  bytes (proportional set size)
        loading                             ->  seconds that it took to load the model
    python llama_cpp_peer.py --quantise FROM.gguf TO.gguf q8_0|q4_0       every matrix to that type

Needs llama-cpp-python, built on this machine from its source package: pip install --no-binary llama-cpp-python
llama-cpp-python. The first answer, when the model is loaded, is "ready" and what the library says of itself.
"""

import ctypes
import sys
import time

import llama_cpp as llama


@llama.llama_log_callback
def silence(level, text, data):
    del level, text, data


def quantise(source, target, kind):
    params = llama.llama_model_quantize_default_params()
    params.ftype = {"q8_0": llama.LLAMA_FTYPE_MOSTLY_Q8_0, "q4_0": llama.LLAMA_FTYPE_MOSTLY_Q4_0}[kind]
    params.nthread = 2
    params.pure = True
    failed = llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params))
    if failed:
        sys.exit(f"{source}: llama_model_quantize says {failed}")


class Side:
    def __init__(self, path, threads, context, streams):
        begin = time.perf_counter()
        params = llama.llama_model_default_params()
        self.model = llama.llama_model_load_from_file(path.encode(), params)
        if not self.model:
            sys.exit(f"{path}: cannot be loaded")
        options = llama.llama_context_default_params()
        options.n_ctx = context * streams
        options.n_batch = 2048
        options.n_ubatch = 512
        options.n_threads = options.n_threads_batch = threads
        options.n_seq_max = streams
        options.kv_unified = True
        self.context = llama.llama_init_from_model(self.model, options)
        self.memory = llama.llama_get_memory(self.context)
        self.vocab = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))
        self.batch = llama.llama_batch_init(2048, 0, 1)
        self.known = {}  # Of each stream: the positions that it has.
        self.seconds_to_load = time.perf_counter() - begin

    def run(self, rows):
        """Rows are (token, position, stream, whether its logits are wanted)."""
        batch = self.batch
        batch.n_tokens = len(rows)
        for i, (token, position, stream, logits) in enumerate(rows):
            batch.token[i] = token
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = stream
            batch.logits[i] = logits
        start = time.perf_counter()
        failed = llama.llama_decode(self.context, batch)
        llama.llama_synchronize(self.context)
        if failed:
            sys.exit(f"llama_decode says {failed}")
        return time.perf_counter() - start

    def token(self, stream, position):
        return (stream * 7919 + position * 104729 + 17) % self.vocab

    def prompt(self, stream, tokens, logits):
        return [(self.token(stream, i), i, stream, logits and i == tokens - 1) for i in range(tokens)]

    def prefill(self, tokens):
        llama.llama_memory_clear(self.memory, True)
        self.known = {0: tokens}
        return self.run(self.prompt(0, tokens, True))

    def decode(self, streams, steps, context):
        for stream in range(streams):
            if self.known.get(stream, 0) >= context:
                llama.llama_memory_seq_rm(self.memory, stream, context, -1)
            else:
                llama.llama_memory_seq_rm(self.memory, stream, 0, -1)
                self.run(self.prompt(stream, context, False))
            self.known[stream] = context + steps
        seconds = 0.0
        for position in range(context, context + steps):
            seconds += self.run([(self.token(s, position), position, s, True) for s in range(streams)])
        return seconds / steps

    def loading(self):
        return self.seconds_to_load

    def resident(self):
        with open("/proc/self/smaps_rollup", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def main():
    llama.llama_log_set(silence, ctypes.c_void_p(0))
    llama.llama_backend_init()
    if sys.argv[1] == "--quantise":
        quantise(*sys.argv[2:5])
        return
    side = Side(sys.argv[1], *map(int, sys.argv[2:5]))
    print("ready", llama.__version__, llama.llama_print_system_info().decode(), flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        print(getattr(side, command)(*map(int, numbers)), flush=True)


if __name__ == "__main__":
    main()

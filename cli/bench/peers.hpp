// `troupe bench peers`: our engine and llama.cpp by turns, in one run.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace troupe {

struct peers_options {
  /// A folder of NAME/hf and NAME/NAME-BF16.gguf, the same model in both; the quantised ones are made beside them.
  std::string models;
  std::vector<std::string> names{"llama160m", "llama1b"};
  /// The python that has llama-cpp-python, and the program that it runs.
  std::string python = "python3";
  std::string script = "tests/bench/llama_cpp_peer.py";
  /// The program that makes a cluster of this one's and measures it.
  std::string served_script = "tests/bench/served_side.py";
  std::vector<std::string> precisions{"bf16", "int8", "int4"};
  uint32_t threads = 2;
  uint32_t rounds = 5;
  /// Of a comparison of rates; more rounds where those are through sooner.
  double least_seconds = 20;
  uint32_t prompt = 512;
  uint32_t steps = 16;
  uint32_t context = 64;
};

/// The longest stream that is measured.
inline uint32_t context_max(const peers_options& options) {
  return std::max(options.prompt, options.context + options.steps);
}

/// Writes a Markdown report to standard output.
result<void> bench_peers(const peers_options& options);

}  // namespace troupe

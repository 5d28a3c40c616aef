// A text that goes through a model: how the subcommands of `troupe model` read it, measure by it, and say how far they
// are.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "shards/engine/perplexity.hpp"

namespace CLI {
class App;
}

namespace troupe {

/// All threads of this machine.
uint32_t threads_of_machine();

/// Writes "12 of 40 tensors" to standard error again and again, where that is a terminal.
std::function<void(uint64_t done, uint64_t all)> progress_line(std::string what);

struct tokenized_text {
  std::vector<token_id> tokens;
  /// What texts of the model begin with, if they do.
  std::optional<token_id> bos;

  /// How many tokens have one before them.
  uint64_t predicted() const { return tokens.size() - (bos || tokens.empty() ? 0 : 1); }
};

/// Errors: those of the file and of the tokenizer; they name the file.
result<tokenized_text> read_text(const std::string& model, const std::string& file);

struct text_measurement {
  std::string model, file;
  uint32_t threads = 1;
  /// Of text_reader_options.
  uint32_t window = 0;
};

/// Shows progress. Errors: those of reading and of the engine.
result<text_likelihood> measure(const text_measurement& what);

/// `given`, or the text that the model's folder holds; empty: there is none.
std::string text_for(const std::string& model, const std::string& given);

/// A model folder that is made from another one, and the text that shows what it cost.
struct remade_model {
  std::string from, to, text;
  uint32_t threads = threads_of_machine();
};

/// The command line's FOLDER, --out, --text and --threads.
void add_options(CLI::App& command, remade_model& model);

/// Prints the perplexity of both by text_for(from, text); or that there is no text to measure by. Errors: those of
/// measure().
result<void> print_before_and_after(const remade_model& model);

}  // namespace troupe

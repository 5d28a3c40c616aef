#include "cli/model/measured_text.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/read_file.hpp"
#include "shards/engine/text_reader.hpp"
#include "shards/model/remake_model.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {

uint32_t threads_of_machine() { return std::clamp(std::thread::hardware_concurrency(), 1U, 1024U); }

std::function<void(uint64_t done, uint64_t all)> progress_line(std::string what) {
  if (isatty(STDERR_FILENO) == 0) return [](uint64_t, uint64_t) {};
  return [what = std::move(what)](uint64_t done, uint64_t all) {
    std::fprintf(stderr, "\r%llu of %llu %s%s", static_cast<unsigned long long>(done),
                 static_cast<unsigned long long>(all), what.c_str(), done == all ? "\n" : "");
  };
}

result<tokenized_text> read_text(const std::string& model, const std::string& file) {
  TROUPE_ASSIGN(const std::string text, read_file(file, tokenizer::text_bytes_max));
  TROUPE_ASSIGN(const auto tokens, tokenizer::load(model));
  tokenized_text out;
  auto ids = tokens->encode(text, false);
  if (!ids) return with_context(std::move(ids).err(), file);
  out.tokens = std::move(*ids);
  TROUPE_ASSIGN(const std::vector<token_id> around, tokens->encode("", true));
  if (!around.empty() && tokens->bos() == around.front()) out.bos = around.front();
  return out;
}

result<text_likelihood> measure(const text_measurement& what) {
  TROUPE_ASSIGN(const tokenized_text text, read_text(what.model, what.file));
  TROUPE_ASSIGN(
      const auto reader,
      text_reader::open({.model_folder = what.model, .threads = what.threads, .window = what.window, .bos = text.bos}));
  auto found =
      likelihood_of(text.tokens, *reader,
                    [all = text.predicted(), show = progress_line("tokens")](uint64_t done) { show(done, all); });
  if (!found) return with_context(std::move(found).err(), what.file);
  return *found;
}

std::string text_for(const std::string& model, const std::string& given) {
  std::error_code failure;
  const std::string own = model + "/" + held_out_file;
  return given.empty() && std::filesystem::exists(own, failure) ? own : given;
}

void add_options(CLI::App& command, remade_model& model) {
  command.add_option("FOLDER", model.from, "The model folder")->required();
  command.add_option("--out", model.to, "The folder to make; refused where it has a model already")->required();
  command.add_option("--text", model.text, "To measure both models by [held_out.txt of the folder]");
  command.add_option("--threads", model.threads, "Threads")->capture_default_str();
}

result<void> print_before_and_after(const remade_model& model) {
  const std::string file = text_for(model.from, model.text);
  if (file.empty()) {
    std::printf("perplexity:    not measured; --text FILE names a text to measure by\n");
    return {};
  }
  TROUPE_ASSIGN(const text_likelihood before, measure({.model = model.from, .file = file, .threads = model.threads}));
  TROUPE_ASSIGN(const text_likelihood after, measure({.model = model.to, .file = file, .threads = model.threads}));
  std::printf("perplexity:    %.3f after, %.3f before (%.4f and %.4f nats a token; %llu tokens of %s)\n",
              after.perplexity(), before.perplexity(), after.nats_per_token, before.nats_per_token,
              static_cast<unsigned long long>(after.tokens), file.c_str());
  return {};
}

}  // namespace troupe

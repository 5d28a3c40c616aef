#include "cli/bench/peers.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "cli/bench/engine_side.hpp"
#include "cli/bench/peer_side.hpp"
#include "cli/bench/stopwatch.hpp"
#include "shards/model/quantise_model.hpp"

namespace troupe {
namespace {

struct spread {
  double least = 0, median = 0, most = 0;
};

spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  return {values.front(), values[values.size() / 2], values.back()};
}

/// The two sides' files of one precision.
struct model_pair {
  std::string ours, theirs;
};

/// Makes what is missing.
result<model_pair> files_of(const peers_options& options, const std::string& name, const std::string& precision) {
  const std::string folder = options.models + "/" + name + "/";
  const std::string gguf = folder + name + "-BF16.gguf";
  if (precision == "bf16") return model_pair{folder + "hf", gguf};
  const bool int8 = precision == "int8";
  model_pair pair{folder + precision, folder + name + (int8 ? "-Q8_0.gguf" : "-Q4_0.gguf")};
  const uint32_t bits = int8 ? 8 : 4;
  if (!std::filesystem::exists(pair.ours)) {
    // The same bits per weight on both sides: every matrix, the head too.
    TROUPE_TRY(quantise_model(folder + "hf", pair.ours, {.bits = bits, .group = int8 ? 128U : 32U, .head_bits = bits}));
  }
  if (!std::filesystem::exists(pair.theirs))
    TROUPE_TRY(run_program({options.python, options.script, "--quantise", gguf, pair.theirs, int8 ? "q8_0" : "q4_0"}));
  return pair;
}

class peers_run {
 public:
  explicit peers_run(const peers_options& options) : options_(options) {}

  result<void> compare(const std::string& name, const std::string& precision) {
    TROUPE_ASSIGN(const model_pair files, files_of(options_, name, precision));
    TROUPE_ASSIGN(const auto ours, engine_side::open({.model = files.ours,
                                                      .tp = 1,
                                                      .threads = options_.threads,
                                                      .prompt_max = options_.prompt,
                                                      .streams_max = 32,
                                                      .context_max = context_max()}));
    TROUPE_ASSIGN(const auto theirs, peer_side::start("llama.cpp", {options_.python, options_.script, files.theirs,
                                                                    std::to_string(options_.threads),
                                                                    std::to_string(context_max()), "32"}));
    if (!told_peer_) std::printf("llama.cpp: %s\n\n", theirs->description().c_str());
    told_peer_ = true;
    const std::string what = name + " " + precision;
    TROUPE_TRY(row(what + ", prefill " + std::to_string(options_.prompt), options_.prompt, *ours, *theirs,
                   [&](bench_side& side) { return side.prefill(options_.prompt); }));
    for (const uint32_t streams : {1U, 8U, 32U})
      TROUPE_TRY(row(what + ", decode " + std::to_string(streams), streams, *ours, *theirs,
                     [&](bench_side& side) { return side.decode(streams, options_.steps, options_.context); }));
    return {};
  }

 private:
  uint32_t context_max() const { return std::max(options_.prompt, options_.context + options_.steps); }

  /// One line of the table: both sides' tokens a second, by turns, after one unmeasured turn each.
  result<void> row(const std::string& what, double tokens, bench_side& ours, bench_side& theirs,
                   const std::function<result<double>(bench_side&)>& measure) {
    std::vector<double> our_rates, their_rates, ratios;
    for (uint32_t round = 0; round <= options_.rounds; ++round) {
      TROUPE_ASSIGN(const double our_seconds, measure(ours));
      TROUPE_ASSIGN(const double their_seconds, measure(theirs));
      if (round == 0) continue;
      our_rates.push_back(tokens / our_seconds);
      their_rates.push_back(tokens / their_seconds);
      ratios.push_back(their_seconds / our_seconds);
    }
    const spread a = spread_of(our_rates), b = spread_of(their_rates), r = spread_of(ratios);
    std::printf("| %s | %.1f (%.1f – %.1f) | %.1f (%.1f – %.1f) | %.2f (%.2f – %.2f) |\n", what.c_str(), a.median,
                a.least, a.most, b.median, b.least, b.most, r.median, r.least, r.most);
    std::fflush(stdout);
    return {};
  }

  const peers_options& options_;
  bool told_peer_ = false;
};

}  // namespace

result<void> bench_peers(const peers_options& options) {
  std::printf("%u threads each, by turns, %u rounds: median (least – most) of tokens per second\n\n", options.threads,
              options.rounds);
  peers_run run(options);
  std::printf("| | troupe | llama.cpp | ratio |\n|---|---|---|---|\n");
  for (const std::string& name : options.names)
    for (const std::string& precision : options.precisions) TROUPE_TRY(run.compare(name, precision));
  return {};
}

}  // namespace troupe

#include "cli/bench/peers.hpp"

#include <cstdio>
#include <filesystem>

#include "cli/bench/by_turns.hpp"
#include "cli/bench/own_figures.hpp"
#include "cli/bench/program_side.hpp"
#include "cli/bench/stopwatch.hpp"
#include "shards/model/quantise_model.hpp"

namespace troupe {
namespace {

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
    what_ = name + " " + precision;
    TROUPE_ASSIGN(const auto ours, own_figures::start(options_, files.ours, 1, options_.threads));
    TROUPE_ASSIGN(const auto theirs, start_theirs(files.theirs));
    print_head(*theirs);
    TROUPE_TRY(compare_rates("prefill " + std::to_string(options_.prompt), options_.prompt, *ours, *theirs,
                             [&](bench_side& side) { return side.prefill(options_.prompt); }));
    for (const uint32_t streams : {1U, 8U, 32U}) {
      TROUPE_TRY(compare_rates("decode " + std::to_string(streams), streams, *ours, *theirs, [&](bench_side& side) {
        return side.decode(streams, options_.steps, options_.context);
      }));
    }
    TROUPE_TRY(compare_memory(*ours, *theirs));
    TROUPE_TRY(compare_starts(files));
    return figures_.add(what_, files.ours, *ours);
  }

  const own_figures& figures() const { return figures_; }

 private:
  result<std::unique_ptr<program_side>> start_theirs(const std::string& model) const {
    return program_side::start("llama.cpp", {options_.python, options_.script, model, std::to_string(options_.threads),
                                             std::to_string(context_max(options_)), "32"});
  }

  void print_head(const program_side& theirs) {
    if (!told_peer_) {
      std::printf("llama.cpp: %s\n\n| | troupe | llama.cpp | ratio |\n|---|---|---|---|\n",
                  theirs.description().c_str());
    }
    told_peer_ = true;
  }

  void print_row(const std::string& row, const std::string& ours, const std::string& theirs, const std::string& ratio) {
    std::printf("| %s, %s | %s | %s | %s |\n", what_.c_str(), row.c_str(), ours.c_str(), theirs.c_str(), ratio.c_str());
    std::fflush(stdout);
  }

  /// Tokens a second; `measure` gives the seconds of so many.
  result<void> compare_rates(const std::string& row, double tokens, bench_side& ours, bench_side& theirs,
                             const std::function<result<double>(bench_side&)>& measure) {
    const auto rate_of = [&](bench_side& side) {
      return [&]() -> result<double> {
        TROUPE_ASSIGN(const double seconds, measure(side));
        return tokens / seconds;
      };
    };
    TROUPE_ASSIGN(const auto rates,
                  by_turns(options_.rounds, {rate_of(ours), rate_of(theirs)}, options_.least_seconds));
    print_row(row, to_text(spread_of(rates[0]), 1), to_text(spread_of(rates[1]), 1),
              to_text(spread_of(ratios(rates[0], rates[1])), 2));
    return {};
  }

  /// From a new process to the first token of a short prompt; the other side's time to start Python is not counted.
  result<void> compare_starts(const model_pair& files) {
    constexpr uint32_t tokens = 16;
    const measurement ours = [&]() -> result<double> {
      const stopwatch time;
      TROUPE_ASSIGN(const auto side, own_figures::start(options_, files.ours, 1, options_.threads));
      TROUPE_TRY(side->prefill(tokens));
      return time.seconds();
    };
    const measurement theirs = [&]() -> result<double> {
      TROUPE_ASSIGN(const auto side, start_theirs(files.theirs));
      TROUPE_ASSIGN(const double loading, side->ask("loading"));
      TROUPE_ASSIGN(const double prompt, side->prefill(tokens));
      return loading + prompt;
    };
    TROUPE_ASSIGN(const auto seconds, by_turns(options_.rounds, {ours, theirs}));
    print_row("start to first token, s", to_text(spread_of(seconds[0]), 2), to_text(spread_of(seconds[1]), 2),
              to_text(spread_of(ratios(seconds[1], seconds[0])), 2));
    return {};
  }

  result<void> compare_memory(program_side& ours, program_side& theirs) {
    TROUPE_ASSIGN(const uint64_t a, ours.resident_bytes());
    TROUPE_ASSIGN(const uint64_t b, theirs.resident_bytes());
    const auto megabytes = [](uint64_t bytes) { return std::to_string((bytes + 500'000) / 1'000'000); };
    print_row("resident memory, MB", megabytes(a), megabytes(b),
              std::to_string(static_cast<double>(b) / static_cast<double>(a)).substr(0, 4));
    return {};
  }

  const peers_options& options_;
  own_figures figures_{options_};
  std::string what_;
  bool told_peer_ = false;
};

}  // namespace

result<void> bench_peers(const peers_options& options) {
  std::printf("%u threads each, by turns, %u rounds or %g s: median (least – most), rates in tokens per second\n",
              options.threads, options.rounds, options.least_seconds);
  peers_run run(options);
  for (const std::string& name : options.names)
    for (const std::string& precision : options.precisions) TROUPE_TRY(run.compare(name, precision));
  run.figures().print();
  return {};
}

}  // namespace troupe

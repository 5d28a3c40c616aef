#include "cli/bench/own_figures.hpp"

#include <cstdio>
#include <filesystem>

#include "cli/bench/by_turns.hpp"

namespace troupe {
namespace {

constexpr uint32_t streams_max = 32;

/// Where this program lies, for those who are to start it.
result<std::string> own_program() {
  std::error_code failure;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (failure) return error{errc::io_failed, "/proc/self/exe: " + failure.message()};
  return path.string();
}

}  // namespace

result<std::unique_ptr<program_side>> own_figures::start(const peers_options& options, const std::string& model,
                                                         uint32_t tp, uint32_t threads) {
  const auto text = [](uint32_t number) { return std::to_string(number); };
  return program_side::start("troupe", {"/proc/self/exe", "bench", "side", "--model", model, "--tp", text(tp),
                                        "--threads", text(threads), "--prompt", text(options.prompt), "--streams",
                                        text(streams_max), "--context", text(context_max(options))});
}

result<void> own_figures::add(const std::string& what, const std::string& model, program_side& side) {
  TROUPE_TRY(memory(what, side));
  TROUPE_TRY(bandwidth(what, side));
  TROUPE_TRY(ranks(what, model, side));
  return served(what, model, side);
}

void own_figures::print() const {
  std::printf("\n| | troupe | wanted |\n|---|---|---|\n");
  for (const std::string& row : rows_) std::printf("%s\n", row.c_str());
}

void own_figures::note(const std::string& what, const std::string& figure, const std::string& wanted) {
  rows_.push_back("| " + what + " | " + figure + " | " + wanted + " |");
  // The table comes last; whoever watches need not wait for it.
  std::fprintf(stderr, "%s\n", rows_.back().c_str());
}

result<void> own_figures::memory(const std::string& what, program_side& side) {
  TROUPE_ASSIGN(const uint64_t resident, side.resident_bytes());
  TROUPE_ASSIGN(const double needed, side.ask("needed"));
  note(what + ", resident memory over weights and used pages",
       std::to_string(static_cast<double>(resident) / needed).substr(0, 5), "≤ 1.1");
  return {};
}

/// Every weight, and every key and value so far, is read once a step: that is what a lone stream waits for.
result<void> own_figures::bandwidth(const std::string& what, program_side& side) {
  if (!memory_) {
    TROUPE_ASSIGN(memory_, memory_bandwidth::make(options_.threads));
  }
  TROUPE_ASSIGN(const double bytes_of_step,
                side.ask("read " + std::to_string(options_.steps) + " " + std::to_string(options_.context)));
  const measurement possible = [&]() -> result<double> { return memory_->measure(); };
  const measurement used = [&]() -> result<double> {
    TROUPE_ASSIGN(const double seconds, side.decode(1, options_.steps, options_.context));
    return bytes_of_step / seconds;
  };
  TROUPE_ASSIGN(const auto bytes, by_turns(options_.rounds, {possible, used}, options_.least_seconds));
  const double most = spread_of(bytes[0]).median / 1e9;
  note(what + ", 1 stream, share of the memory's " + std::to_string(most).substr(0, 4) + " GB/s",
       to_text(spread_of(ratios(bytes[1], bytes[0])), 2), "≥ 0.85");
  return {};
}

result<void> own_figures::ranks(const std::string& what, const std::string& model, program_side& side) {
  const uint32_t tp = options_.threads;
  if (tp != 2 && tp != 4 && tp != 8) return {};
  TROUPE_ASSIGN(const auto split, start(options_, model, tp, 1));
  const auto compare = [&](const std::string& of,
                           const std::function<result<double>(bench_side&)>& seconds) -> result<void> {
    // There and back: a machine that becomes slower or faster meets both alike.
    const measurement whole = [&] { return seconds(side); };
    const measurement in_ranks = [&] { return seconds(*split); };
    TROUPE_ASSIGN(const auto took,
                  by_turns(options_.rounds, {whole, in_ranks, in_ranks, whole}, options_.least_seconds));
    note(what + ", " + of + ": " + std::to_string(tp) + " ranks of one thread over one of " + std::to_string(tp),
         to_text(spread_of(ratios(sums(took[0], took[3]), sums(took[1], took[2]))), 2), "≥ 0.93");
    return {};
  };
  TROUPE_TRY(compare("prefill", [&](bench_side& s) { return s.prefill(options_.prompt); }));
  for (const uint32_t streams : {1U, 8U, streams_max}) {
    TROUPE_TRY(compare("decode " + std::to_string(streams),
                       [&](bench_side& s) { return s.decode(streams, options_.steps, options_.context); }));
  }
  return {};
}

/// A cluster around the engine: its clients' rate beside the engine's alone, and where a step's time goes.
result<void> own_figures::served(const std::string& what, const std::string& model, program_side& side) {
  TROUPE_ASSIGN(const std::string program, own_program());
  TROUPE_ASSIGN(const auto cluster,
                program_side::start("troupe up", {options_.python, options_.served_script, program, model,
                                                  std::to_string(options_.threads),
                                                  std::to_string(options_.context + options_.steps + 2 * streams_max),
                                                  std::to_string(streams_max)}));
  const auto seconds = [&](program_side& one) { return one.decode(streams_max, options_.steps, options_.context); };
  std::vector<double> outside;
  const measurement served_step = [&]() -> result<double> {
    TROUPE_ASSIGN(const double step, seconds(*cluster));
    TROUPE_ASSIGN(const double share, cluster->ask("outside"));
    outside.push_back(share);
    return step;
  };
  TROUPE_ASSIGN(const auto took, by_turns(options_.rounds, {[&] { return seconds(side); }, served_step}));
  const std::string streams = std::to_string(streams_max) + " streams over HTTP";
  note(what + ", " + streams + ", share of a step that is not kernels",
       to_text(spread_of({outside.begin() + 1, outside.end()}), 3), "≤ 0.08");
  note(what + ", " + streams + " over the engine alone", to_text(spread_of(ratios(took[0], took[1])), 2), "");
  return {};
}

}  // namespace troupe

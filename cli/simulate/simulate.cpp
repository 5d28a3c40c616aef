// troupe simulate: the cluster in one thread, broken on purpose, the same way again for the same seed.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "base/replace_file.hpp"
#include "cli/commands.hpp"
#include "cli/simulate/minimise.hpp"
#include "cli/simulate/mutants.hpp"
#include "cli/simulate/one_run.hpp"
#include "cli/simulate/swarm.hpp"

namespace troupe {
namespace {

struct swarm_options {
  swarm_plan plan;
  double minutes = 0, seed_seconds = 300;
  std::string report;
};

int simulate_swarm(swarm_options options) {
  options.plan.time = duration_of_seconds(options.minutes * 60);
  options.plan.seed_time_max = duration_of_seconds(options.seed_seconds);
  if (options.plan.seeds == 0 && options.minutes <= 0) options.plan.seeds = 100;
  // For who looks on; a log has no use for it.
  const bool is_watched = isatty(STDERR_FILENO) != 0;
  const auto report = run_swarm(options.plan, [&](const swarm_report& so_far) {
    if (!is_watched) return;
    std::fprintf(stderr, "\r%llu seeds, %llu with violations", static_cast<unsigned long long>(so_far.seeds),
                 static_cast<unsigned long long>(so_far.failures.size()));
  });
  if (is_watched) std::fprintf(stderr, "\n");
  if (!report) return failed(report.err());
  std::printf("%s", to_text(*report).c_str());
  if (!options.report.empty()) {
    if (auto written = replace_file(options.report, to_json(*report)); !written) return failed(written.err());
  }
  return report->failures.empty() ? 0 : 1;
}

int replay(const std::string& path) {
  const auto runs = read_failed_runs(path);
  if (!runs) return failed(runs.err());
  int exit_code = 0;
  for (const run_options& each : *runs) exit_code |= simulate_one(each);
  if (runs->empty()) std::printf("no seed of it failed\n");
  return exit_code;
}

void add_arrivals(CLI::App& to, std::string& path) {
  to.add_option(
      "--arrivals", path,
      "A file with a service's requests, which come besides the clients': a trace of Azure LLM inference or of "
      "Mooncake");
}

void add_run_options(CLI::App& to, run_options& options) {
  to.add_option("--seed", options.seed, "What the run is made of");
  to.add_option("--without", options.without, "A fault or an unusual turn that this run has not; may be repeated");
  to.add_option("--clients", options.clients, "So many clients");
  to.add_option("--harmed-s", options.harmed_s, "So many seconds in which things go wrong");
  add_arrivals(to, options.arrivals);
}

}  // namespace

void add_simulate(CLI::App& app, int& exit_code) {
  auto* simulate = app.add_subcommand(
      "simulate",
      "A whole cluster in one thread, broken on purpose: the same seed breaks it the same way again\n\n"
      "Examples:\n"
      "  troupe simulate --seed 7                          one run, judged\n"
      "  troupe simulate swarm --minutes 5 --jobs 2        as many as there is time for\n"
      "  troupe simulate minimise --seed 7                 what of it is needed to break it");
  auto one = std::make_shared<run_options>();
  add_run_options(*simulate, *one);
  simulate->add_option("--trace", one->trace, "A file for the timeline of all that happened");
  simulate->add_option("--page", one->page, "A file for the same as a picture (HTML)");
  simulate->require_subcommand(0, 1);
  simulate->callback([one, simulate, &exit_code] {
    if (!simulate->get_subcommands().empty()) return;
    if (simulate->get_option("--seed")->empty()) throw CLI::RequiredError("--seed");
    exit_code = simulate_one(*one);
  });

  auto many = std::make_shared<swarm_options>();
  auto* swarm = simulate->add_subcommand("swarm", "Many seeds, each of another cluster with other faults");
  swarm->add_option("--first", many->plan.first_seed, "The first seed")->capture_default_str();
  swarm->add_option("--seeds", many->plan.seeds, "How many; 100 where no time is given");
  swarm->add_option("--minutes", many->minutes, "No seed begins after so long");
  many->plan.jobs = std::max(1U, std::thread::hardware_concurrency());
  swarm->add_option("--jobs", many->plan.jobs, "Processes")->capture_default_str()->check(CLI::Range(1, 256));
  swarm->add_option("--seed-seconds", many->seed_seconds, "A seed that takes longer counts as one that hangs")
      ->capture_default_str();
  add_arrivals(*swarm, many->plan.arrivals);
  swarm->add_option("--report", many->report, "Where to write what came of it, as JSON");
  swarm->callback([many, &exit_code] { exit_code = simulate_swarm(*many); });

  auto report = std::make_shared<std::string>();
  auto* again = simulate->add_subcommand("replay", "The seeds of a swarm's report that failed, once more");
  again->add_option("REPORT", *report, "What swarm --report wrote")->required();
  again->callback([report, &exit_code] { exit_code = replay(*report); });

  auto planted = std::make_shared<mutants_options>();
  auto* mutants =
      simulate->add_subcommand("mutants", "Plants mistakes, one after the other, and looks how soon each is found");
  mutants->add_option("--only", planted->only, "That one");
  mutants->add_option("--minutes-each", planted->minutes_each, "Until it counts as missed")->capture_default_str();
  planted->jobs = std::max(1U, std::thread::hardware_concurrency());
  mutants->add_option("--jobs", planted->jobs, "Processes")->capture_default_str()->check(CLI::Range(1, 256));
  mutants->callback([planted, &exit_code] { exit_code = find_mutants(*planted); });

  auto small = std::make_shared<run_options>();
  auto* less = simulate->add_subcommand("minimise", "Takes away from a seed that fails what it does not need to fail");
  add_run_options(*less, *small);
  less->get_option("--seed")->required();
  less->callback([small, &exit_code] { exit_code = minimise(*small); });
}

}  // namespace troupe

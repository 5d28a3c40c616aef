// troupe simulate: the cluster in one thread, broken on purpose, the same way again for the same seed.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "base/replace_file.hpp"
#include "cli/commands.hpp"
#include "cli/simulate/swarm.hpp"
#include "simulations/report/page.hpp"
#include "simulations/report/timeline.hpp"

namespace troupe {
namespace {

using simulation::fault_kind;
using simulation::outcome;
using simulation::scenario;

/// One run, as the command line changes what the seed says.
struct run_options {
  uint64_t seed = 0;
  std::vector<std::string> without{};
  uint32_t clients = 0;
  double harmed_s = 0;
  /// Files; empty: none.
  std::string trace{}, page{};
};

result<scenario> scenario_of(const run_options& options) {
  scenario what = simulation::scenario_of(options.seed);
  for (const std::string& name : options.without) {
    const auto kind = simulation::fault_of(name);
    if (!kind) {
      std::string all;
      for (const auto& each : simulation::all_faults) all.append(all.empty() ? "" : ", ").append(each.name);
      return error{errc::invalid_argument, "there is no fault " + name + "; there are: " + all};
    }
    std::erase_if(what.faults, [&](const auto& habit) { return habit.kind == *kind; });
  }
  if (options.clients > 0) what.clients_count = options.clients;
  if (options.harmed_s > 0)
    what.harmed = std::chrono::duration_cast<duration>(std::chrono::duration<double>(options.harmed_s));
  return what;
}

/// What one types to see it again.
std::string command_of(const run_options& options) {
  std::string text = "troupe simulate --seed " + std::to_string(options.seed);
  for (const std::string& name : options.without) text += " --without " + name;
  if (options.clients > 0) text += " --clients " + std::to_string(options.clients);
  if (options.harmed_s > 0) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", options.harmed_s);
    text += std::string(" --harmed-s ") + seconds;
  }
  return text;
}

void print(const scenario& what, const outcome& done) {
  std::printf("%s\n", simulation::describe(what).c_str());
  std::printf("%.1f simulated seconds, %llu events, hash %016llx\n", std::chrono::duration<double>(done.lasted).count(),
              static_cast<unsigned long long>(done.events), static_cast<unsigned long long>(done.hash));
  std::printf("%llu requests: %llu complete, %llu failed, %llu left; %llu tokens\n",
              static_cast<unsigned long long>(done.counts.begun), static_cast<unsigned long long>(done.counts.complete),
              static_cast<unsigned long long>(done.counts.failed), static_cast<unsigned long long>(done.counts.left),
              static_cast<unsigned long long>(done.counts.tokens));
  constexpr size_t shown_max = 20;
  const auto found = done.found.found();
  for (size_t i = 0; i < std::min(found.size(), shown_max); ++i)
    std::printf("%s  %.3f s  %s\n", found[i].id.c_str(), std::chrono::duration<double>(found[i].at).count(),
                found[i].what.c_str());
  if (done.found.count() > shown_max)
    std::printf("and %llu more\n", static_cast<unsigned long long>(done.found.count() - shown_max));
}

int simulate_one(const run_options& options) {
  const auto what = scenario_of(options);
  if (!what) return failed(what.err());
  simulation::record kept;
  const bool keeps = !options.trace.empty() || !options.page.empty();
  const outcome done =
      simulation::run(*what, keeps ? simulation::history::reader([&](const simulation::event& e) { kept.read(e); })
                                   : simulation::history::reader());
  print(*what, done);
  if (!options.trace.empty()) {
    if (auto written = replace_file(options.trace, timeline_text(kept)); !written) return failed(written.err());
  }
  if (!options.page.empty()) {
    const simulation::page_title title{"seed " + std::to_string(options.seed), command_of(options)};
    if (auto written = replace_file(options.page, timeline_page(kept, title)); !written) return failed(written.err());
  }
  if (done.found.count() == 0) return 0;
  std::fprintf(stderr, "troupe " TROUPE_VERSION ": %llu violations: %s\n",
               static_cast<unsigned long long>(done.found.count()), command_of(options).c_str());
  return 1;
}

struct swarm_options {
  swarm_plan plan;
  double minutes = 0;
  std::string report;
};

int simulate_swarm(swarm_options options) {
  options.plan.time = std::chrono::duration_cast<duration>(std::chrono::duration<double>(options.minutes * 60));
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
  const auto seeds = read_failed_seeds(path);
  if (!seeds) return failed(seeds.err());
  int exit_code = 0;
  for (const uint64_t seed : *seeds) exit_code |= simulate_one({.seed = seed});
  if (seeds->empty()) std::printf("no seed of it failed\n");
  return exit_code;
}

struct mutants_options {
  std::string only;
  double minutes_each = 10;
  uint32_t jobs = 1;
};

/// How long it takes to find each mistake.
int find_mutants(const mutants_options& options) {
  if (!bugs_can_be_planted) {
    return failed({errc::not_supported,
                   "no mistake can be planted in this build; build the preset `planted` and use its troupe"});
  }
  size_t found = 0, all = 0;
  std::printf("| mistake | found by | seeds | s | what was seen |\n|---|---|---|---|---|\n");
  for (const planted_bug_description& bug : all_planted_bugs) {
    if (!options.only.empty() && bug.name != options.only) continue;
    ++all;
    const swarm_plan plan{
        .time = std::chrono::duration_cast<duration>(std::chrono::duration<double>(options.minutes_each * 60)),
        .jobs = options.jobs,
        .bug = bug.which,
        .stops_at_first = true};
    const auto report = run_swarm(plan, {});
    if (!report) return failed(report.err());
    const double took = std::chrono::duration<double>(report->took).count();
    if (report->failures.empty()) {
      std::printf("| %s: %s | **missed** | %llu | %.1f | |\n", std::string(bug.name).c_str(),
                  std::string(bug.says).c_str(), static_cast<unsigned long long>(report->seeds), took);
    } else {
      const failed_seed& first = report->failures.front();
      ++found;
      std::printf("| %s: %s | %s | %llu | %.1f | seed %llu: %s |\n", std::string(bug.name).c_str(),
                  std::string(bug.says).c_str(), first.id.c_str(), static_cast<unsigned long long>(report->seeds), took,
                  static_cast<unsigned long long>(first.seed), first.what.c_str());
    }
    std::fflush(stdout);
  }
  std::printf("\n%zu of %zu found\n", found, all);
  return found == all ? 0 : 1;
}

/// Takes away what is not needed for the same invariant to be broken.
int minimise(run_options options) {
  const auto broken = [&](const run_options& with) -> std::string {
    const auto what = scenario_of(with);
    if (!what) return {};
    const auto done = simulation::run(*what);
    return done.found.count() == 0 ? std::string() : done.found.found().front().id;
  };
  const std::string id = broken(options);
  if (id.empty()) return failed({errc::invalid_argument, "seed " + std::to_string(options.seed) + " breaks nothing"});
  const auto keep_if_broken = [&](run_options with) {
    const bool still = broken(with) == id;
    std::fprintf(stderr, "%s  %s\n", still ? "still broken:" : "not without: ", command_of(with).c_str());
    if (still) options = std::move(with);
    return still;
  };
  for (const auto& each : simulation::scenario_of(options.seed).faults) {
    run_options with = options;
    with.without.emplace_back(simulation::describe(each.kind).name);
    keep_if_broken(std::move(with));
  }
  for (uint32_t clients = simulation::scenario_of(options.seed).clients_count; clients > 1; clients /= 2) {
    run_options with = options;
    with.clients = clients / 2;
    if (!keep_if_broken(std::move(with))) break;
  }
  double harmed = std::chrono::duration<double>(simulation::scenario_of(options.seed).harmed).count();
  for (; harmed > 1; harmed /= 2) {
    run_options with = options;
    with.harmed_s = harmed / 2;
    if (!keep_if_broken(std::move(with))) break;
  }
  std::printf("%s: %s\n", id.c_str(), command_of(options).c_str());
  return 0;
}

void add_run_options(CLI::App& to, run_options& options) {
  to.add_option("--seed", options.seed, "What the run is made of");
  to.add_option("--without", options.without, "A fault that this run has not; may be repeated");
  to.add_option("--clients", options.clients, "So many clients");
  to.add_option("--harmed-s", options.harmed_s, "So many seconds in which things go wrong");
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

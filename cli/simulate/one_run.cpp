#include "cli/simulate/one_run.hpp"

#include <algorithm>
#include <cstdio>

#include "base/replace_file.hpp"
#include "cli/commands.hpp"
#include "simulations/report/page.hpp"
#include "simulations/report/timeline.hpp"
#include "simulations/scenarios/run.hpp"

namespace troupe {
namespace {

using simulation::outcome;
using simulation::scenario;

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

}  // namespace

result<scenario> scenario_of(const run_options& options) {
  TROUPE_ASSIGN(auto arrivals, simulation::read_arrivals(options.arrivals));
  scenario what = simulation::scenario_of(options.seed, std::move(arrivals));
  for (const std::string& name : options.without) {
    const auto kind = simulation::fault_of(name);
    const auto point = buggify_point_of(name);
    if (kind) {
      std::erase_if(what.faults, [&](const auto& habit) { return habit.kind == *kind; });
    } else if (point) {
      std::erase_if(what.unusual, [&](const auto& habit) { return habit.which == *point; });
    } else {
      std::string all;
      for (const auto& each : simulation::all_faults) all.append(all.empty() ? "" : ", ").append(each.name);
      for (const auto& each : all_buggify_points) all.append(", ").append(each.name);
      return error{errc::invalid_argument, "there is no fault " + name + "; there are: " + all};
    }
  }
  if (options.clients > 0) what.clients_count = options.clients;
  if (options.harmed_s > 0) what.harmed = duration_of_seconds(options.harmed_s);
  return what;
}

std::string command_of(const run_options& options) {
  std::string text = "troupe simulate --seed " + std::to_string(options.seed);
  for (const std::string& name : options.without) text += " --without " + name;
  if (options.clients > 0) text += " --clients " + std::to_string(options.clients);
  if (options.harmed_s > 0) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", options.harmed_s);
    text += std::string(" --harmed-s ") + seconds;
  }
  if (!options.arrivals.empty()) text += " --arrivals " + options.arrivals;
  return text;
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

}  // namespace troupe

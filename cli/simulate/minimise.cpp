#include "cli/simulate/minimise.hpp"

#include <cstdio>
#include <utility>

#include "cli/commands.hpp"
#include "simulations/scenarios/run.hpp"

namespace troupe {

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
  const simulation::scenario whole = simulation::scenario_of(options.seed);
  std::vector<std::string_view> parts;
  for (const auto& each : whole.faults) parts.push_back(simulation::describe(each.kind).name);
  for (const auto& each : whole.unusual) parts.push_back(name(each.which));
  for (const std::string_view each : parts) {
    run_options with = options;
    with.without.emplace_back(each);
    keep_if_broken(std::move(with));
  }
  for (uint32_t clients = whole.clients_count; clients > 1; clients /= 2) {
    run_options with = options;
    with.clients = clients / 2;
    if (!keep_if_broken(std::move(with))) break;
  }
  double harmed = std::chrono::duration<double>(whole.harmed).count();
  for (; harmed > 1; harmed /= 2) {
    run_options with = options;
    with.harmed_s = harmed / 2;
    if (!keep_if_broken(std::move(with))) break;
  }
  std::printf("%s: %s\n", id.c_str(), command_of(options).c_str());
  return 0;
}

}  // namespace troupe

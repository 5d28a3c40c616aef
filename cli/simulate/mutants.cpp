#include "cli/simulate/mutants.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "cli/commands.hpp"
#include "cli/simulate/swarm.hpp"

namespace troupe {

int find_mutants(const mutants_options& options) {
  if (!bugs_can_be_planted) {
    return failed({errc::not_supported,
                   "no mistake can be planted in this build; build the preset `planted` and use its troupe"});
  }
  if (!options.only.empty() &&
      std::ranges::find(all_planted_bugs, options.only, &planted_bug_description::name) == std::end(all_planted_bugs)) {
    return failed({errc::invalid_argument, "there is no mistake " + options.only});
  }
  size_t found = 0, all = 0;
  std::printf("| mistake | found by | seeds | s | what was seen |\n|---|---|---|---|---|\n");
  for (const planted_bug_description& bug : all_planted_bugs) {
    if (!options.only.empty() && bug.name != options.only) continue;
    ++all;
    const swarm_plan plan{.time = duration_of_seconds(options.minutes_each * 60),
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

}  // namespace troupe

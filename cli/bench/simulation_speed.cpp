#include "cli/bench/simulation_speed.hpp"

#include <cstdio>

#include "cli/bench/by_turns.hpp"
#include "cli/bench/stopwatch.hpp"
#include "simulations/scenarios/run.hpp"

namespace troupe {
namespace {

/// Five nodes (a host, a gateway, three groups of one rank), about 50 requests a second of 15 tokens each.
simulation::scenario usual_cluster(double minutes) {
  using std::chrono::seconds;
  simulation::scenario made;
  made.cluster.name = "simulated";
  made.cluster.hosts.push_back({.name = "host-0"});
  made.cluster.gateways.push_back({.name = "gateway-0", .host = "host-0"});
  deployment_config deployment;
  deployment.name = "m";
  deployment.groups = 3;
  made.cluster.deployments.push_back(deployment);
  made.devices.step = std::chrono::milliseconds(20);
  made.clients.models = {"m"};
  made.clients.tokens_max = 30;
  made.clients.think_max = seconds(4);
  constexpr uint32_t clients = 120;
  made.clients_count = clients;
  made.harmed = duration_of_seconds(minutes * 60);
  made.healed = seconds(20);
  made.draining = seconds(10);
  return made;
}

}  // namespace

result<void> bench_simulation(const simulation_speed_options& options) {
  simulation::scenario what = usual_cluster(options.minutes);
  simulation::outcome last;
  const measurement hours_a_minute = [&]() -> result<double> {
    ++what.seed;
    const stopwatch time;
    last = simulation::run(what);
    const double took = time.seconds();
    if (last.found.count() > 0) return error{errc::internal, last.found.found().front().what};
    return std::chrono::duration<double>(last.lasted).count() / 3600 / (took / 60);
  };
  TROUPE_ASSIGN(const auto figures, by_turns(options.rounds, {hours_a_minute}));
  const double seconds = std::chrono::duration<double>(last.lasted).count();
  std::printf("5 nodes, 3 groups, %.0f requests and %.0f tokens a simulated second, %.0f events a simulated second\n",
              static_cast<double>(last.counts.begun) / seconds, static_cast<double>(last.counts.tokens) / seconds,
              static_cast<double>(last.events) / seconds);
  std::printf("%s simulated hours a minute, on one core, with all checkers\n",
              to_text(spread_of(figures.front()), 2).c_str());
  return {};
}

}  // namespace troupe

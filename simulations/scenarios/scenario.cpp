#include "simulations/scenarios/scenario.hpp"

#include <algorithm>
#include <limits>

#include "actors/runtime/groups.hpp"
#include "base/check.hpp"
#include "schemas/cluster_config_rules.hpp"
#include "simulations/world/regions.hpp"

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

template <class T>
T one_of(seeded_random& random, std::initializer_list<T> choices) {
  return choices.begin()[random.below(choices.size())];
}

deployment_config draw_deployment(seeded_random& random, std::string name, size_t hosts) {
  deployment_config drawn;
  drawn.name = std::move(name);
  drawn.groups = one_of(random, {1U, 2U, 2U, 3U});
  drawn.tensor_parallel = one_of(random, {1U, 1U, 2U, 2U, 4U});
  if (drawn.tensor_parallel > 1 && hosts > 1 && random.chance(0.2)) drawn.hosts_per_group = 2;
  drawn.kv_positions = one_of(random, {512U, 2048U, 4096U, 16384U});
  drawn.sequences_max = one_of(random, {2U, 8U, 32U});
  drawn.step_tokens_max = std::max(drawn.sequences_max, one_of(random, {16U, 64U, 256U}));
  drawn.waiting_max = one_of(random, {4U, 64U, 256U});
  drawn.prefix_cache = random.chance(0.7);
  if (random.chance(0.3)) drawn.speculation = "ngram";
  return drawn;
}

supervision_config draw_supervision(seeded_random& random) {
  supervision_config drawn;
  // Many, so that bad luck alone makes nobody give up; a few, so that somebody does.
  drawn.restarts_max = random.chance(0.9) ? patient_restarts : 8;
  if (random.chance(0.3)) drawn.fenced_kill_delay = 5s;
  if (random.chance(0.2)) drawn.heartbeat_timeout = 600ms;
  if (random.chance(0.2)) drawn.orphan_timeout = 5s;
  return drawn;
}

cluster_config draw_cluster(seeded_random& random) {
  cluster_config drawn;
  drawn.name = "simulated";
  const auto hosts = one_of<size_t>(random, {1, 2, 2, 3, 4});
  for (size_t i = 0; i < hosts; ++i) {
    const std::string number = std::to_string(i);
    drawn.hosts.push_back({.name = "host-" + number, .address = "10.0.0." + std::to_string(i + 1), .port = 7000});
  }
  drawn.gateways.push_back(
      {.name = "gateway-0", .host = "host-0", .address = "10.0.0.1", .port = 7001, .http_address = "10.0.0.1"});
  drawn.deployments.push_back(draw_deployment(random, "m", hosts));
  if (random.chance(0.2)) drawn.deployments.push_back(draw_deployment(random, "n", hosts));
  drawn.supervision = draw_supervision(random);
  return drawn;
}

/// Each kind with one chance in three; how often, over two orders of magnitude.
std::vector<fault_habit> draw_faults(seeded_random& random) {
  std::vector<fault_habit> drawn;
  for (const fault_description& each : all_faults) {
    const bool there = random.chance(1.0 / 3);
    const duration every = one_of<duration>(random, {1s, 3s, 10s, 30s});
    if (there) drawn.push_back({each.kind, every});
  }
  return drawn;
}

/// One without which every deployment still has a group, and that is no gateway's.
node_name draw_lost(seeded_random& random, const cluster_config& cluster) {
  std::vector<node_name> can_go;
  for (const host_config& host : cluster.hosts) {
    if (host.name == cluster.gateways[0].host) continue;
    std::map<std::string, bool> served;
    for (const group_spec& group : groups_of(cluster))
      served[group.deployment->name] |= group.ranks_on(host.name).empty();
    if (std::ranges::all_of(served, [](const auto& each) { return each.second; })) can_go.push_back(host.name);
  }
  if (can_go.empty() || !random.chance(0.3)) return {};
  return can_go[random.below(can_go.size())];
}

/// Each point with one chance in four; now and then, or again and again.
std::vector<buggify_habit> draw_unusual(seeded_random& random) {
  std::vector<buggify_habit> drawn;
  for (const buggify_description& each : all_buggify_points) {
    const bool there = random.chance(0.25);
    const double probability = one_of(random, {0.02, 0.2});
    if (there) drawn.push_back({each.which, probability});
  }
  return drawn;
}

/// One cluster in four is in several; a group is in one.
std::vector<size_t> draw_regions(seeded_random& random, const cluster_config& cluster) {
  const bool is_spread = std::ranges::any_of(cluster.deployments, [](const auto& d) { return d.hosts_per_group > 1; });
  if (!random.chance(0.25) || is_spread) return {};
  std::vector<size_t> drawn;
  for (size_t i = 0; i < cluster.hosts.size(); ++i) drawn.push_back(random.below(regions.size()));
  return drawn;
}

/// One cluster in three has clients who ask whether they have been answered or not.
arrival_habits draw_arrivals(seeded_random& random) {
  arrival_habits drawn;
  if (!random.chance(1.0 / 3)) return drawn;
  drawn.per_second = one_of(random, {0.5, 4.0, 20.0});
  drawn.burst = one_of(random, {1.0, 10.0});
  return drawn;
}

/// How long the longest queue takes that its clients can make.
duration work_left(const scenario& of) {
  uint32_t slots = std::numeric_limits<uint32_t>::max();
  for (const deployment_config& each : of.cluster.deployments) slots = std::min(slots, each.sequences_max);
  const uint64_t clients = of.clients_count + (of.arrivals.asks() ? of.arrivals.open_max : 0);
  const uint64_t streams = clients * of.clients.choices_max;
  const uint64_t turns = (streams + slots - 1) / slots;
  return static_cast<int64_t>(turns * of.clients.tokens_max) * 2 * of.devices.step;
}

}  // namespace

scenario scenario_of(uint64_t seed, std::shared_ptr<const request_trace> arrivals) {
  seeded_random random(seed, drawn_by::scenarios);
  scenario drawn;
  drawn.seed = seed;
  drawn.cluster = draw_cluster(random);
  TROUPE_CHECK(!check_cluster_config(drawn.cluster));
  drawn.devices.step = one_of<duration>(random, {1ms, 5ms, 20ms});
  drawn.drift_ppm_max = one_of<int64_t>(random, {0, 0, 50, 500});
  drawn.clients_count = one_of(random, {2U, 8U, 8U, 24U});
  drawn.clients.models.clear();
  for (const deployment_config& each : drawn.cluster.deployments) drawn.clients.models.push_back(each.name);
  drawn.clients.tokens_max = one_of(random, {4U, 30U, 100U});
  drawn.clients.choices_max = one_of(random, {1U, 1U, 3U});
  drawn.clients.think_max = one_of<duration>(random, {100ms, 1s, 4s});
  drawn.clients.timeout = one_of<duration>(random, {2s, 10s, 120s, 120s});
  drawn.arrivals = draw_arrivals(random);
  drawn.arrivals.trace = std::move(arrivals);
  drawn.draining += work_left(drawn);
  drawn.healed += work_left(drawn);
  drawn.faults = draw_faults(random);
  drawn.harmed = random.between(duration(10s), duration(40s));
  drawn.lost = draw_lost(random, drawn.cluster);
  drawn.regions = draw_regions(random, drawn.cluster);
  drawn.unusual = draw_unusual(random);
  return drawn;
}

std::string describe(const scenario& what) {
  std::string text = std::to_string(what.cluster.hosts.size()) + " hosts";
  for (const deployment_config& each : what.cluster.deployments) {
    text += ", " + each.name + ": " + std::to_string(each.groups) + " groups of " +
            std::to_string(each.tensor_parallel) + (each.hosts_per_group > 1 ? " on several hosts" : "");
  }
  for (size_t i = 0; i < what.regions.size(); ++i)
    text.append(i == 0 ? "; in " : ", ").append(regions.at(what.regions[i]).name);
  text += "; " + std::to_string(what.clients_count) + " clients" + (what.arrivals.asks() ? " and arrivals" : "");
  text += "; faults:";
  for (const fault_habit& each : what.faults) {
    text += ' ';
    text += describe(each.kind).name;
  }
  if (what.faults.empty()) text += " none";
  if (!what.unusual.empty()) text += "; unusual:";
  for (const buggify_habit& each : what.unusual) text.append(" ").append(name(each.which));
  if (!what.lost.empty()) text += "; " + what.lost + " stays lost";
  return text;
}

}  // namespace troupe::simulation

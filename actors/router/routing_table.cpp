#include "actors/router/routing_table.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/buggify.hpp"
#include "base/planted_bug.hpp"

namespace troupe {

routing_table::routing_table(const std::vector<group_spec>& groups) {
  for (const auto& spec : groups) groups_[spec.number].spec = &spec;
}

std::optional<routing_table::incarnation> routing_table::on_state(const group_state& state) {
  auto at = groups_.find(state.group);
  if (at == groups_.end() || state.generation < at->second.generation) return std::nullopt;
  auto& g = at->second;
  bool same = state.generation == g.generation;
  // A draining incarnation keeps its streams: they finish there.
  bool had = g.phase == group_phase::ready || g.phase == group_phase::draining;
  bool keeps = same && (state.phase == group_phase::ready || state.phase == group_phase::draining);
  std::optional<incarnation> lost;
  if (had && !keeps) lost = incarnation{state.group, g.generation};
  if (!same) {
    g.streams = 0;
    g.streams_unreported = g.ends_unreported = 0;
    g.tokens_unreported = 0;
    g.reported = false;
    loads_.erase(state.group);
  }
  g.generation = state.generation;
  if (!makes(planted_bug::route_to_lost_group) || state.phase == group_phase::ready) g.phase = state.phase;
  g.leader = state.leader;
  g.fingerprint = state.fingerprint;
  g.linked = links_[g.leader];
  return lost;
}

bool routing_table::on_load(group_number number, generation_number generation, const group_load& load) {
  auto at = groups_.find(number);
  if (at == groups_.end() || at->second.generation != generation) return false;
  auto& g = at->second;
  g.reported = true;
  g.streams_unreported = g.ends_unreported = 0;
  g.tokens_unreported = 0;
  loads_[number] = load;
  return true;
}

std::optional<routing_table::incarnation> routing_table::on_link(const node_name& node, bool up) {
  links_[node] = up;
  for (auto& [number, g] : groups_) {
    if (g.leader != node) continue;
    bool was = g.linked;
    g.linked = up;
    // Whoever comes over the next link has to say first that it works.
    if (!up) g.reported = false;
    if (was && !up && g.generation != 0) return incarnation{number, g.generation};
  }
  return std::nullopt;
}

result<routing_table::target> routing_table::choose(const std::string& deployment, const std::string& fingerprint,
                                                    uint32_t tokens) {
  group* best = nullptr;
  std::tuple<uint64_t, uint64_t, uint64_t> best_cost{};
  bool full = false, other_bits = false;
  for (auto& [number, g] : groups_) {
    if (g.spec->deployment->name != deployment || !usable(g)) continue;
    if (!fingerprint.empty() && g.fingerprint != fingerprint) {
      other_bits = true;
      continue;
    }
    const auto& load = loads_[number];
    uint64_t streams = uint64_t{load.running} + load.waiting + g.streams_unreported;
    streams -= std::min(streams, g.ends_unreported);
    if (streams >= uint64_t{load.sequences_max} + load.waiting_max && !makes(planted_bug::wait_without_limit)) {
      full = true;
      continue;
    }
    // First whoever has a slot free, then the fewest streams, then the least to prefill.
    uint64_t queued = streams >= load.sequences_max ? streams - load.sequences_max + 1 : 0;
    std::tuple cost{queued, streams, load.waiting_tokens + g.tokens_unreported};
    if (!best || cost < best_cost || buggify(buggify_point::worse_group)) {
      best = &g;
      best_cost = cost;
    }
  }
  if (!best) {
    if (full) return {errc::overloaded, "every group of " + deployment + " has a full queue"};
    if (other_bits) return {errc::no_group, "no group that is ready computes the same bits (" + fingerprint + ")"};
    return {errc::no_group, "no group of " + deployment + " is ready"};
  }
  ++best->streams;
  ++best->streams_unreported;
  best->tokens_unreported += tokens;
  return target{best->spec->number, best->generation, best->leader, best->fingerprint};
}

void routing_table::release(group_number number, generation_number generation) {
  auto at = groups_.find(number);
  if (at == groups_.end() || at->second.generation != generation || at->second.streams == 0) return;
  --at->second.streams;
  ++at->second.ends_unreported;
}

std::vector<routing_table::incarnation> routing_table::idle_draining() const {
  std::vector<incarnation> idle;
  for (const auto& [number, g] : groups_) {
    if (g.phase != group_phase::draining || g.streams > 0) continue;
    auto load = loads_.find(number);
    if (load == loads_.end() || load->second.running + load->second.waiting == 0)
      idle.push_back({number, g.generation});
  }
  return idle;
}

bool routing_table::is_ready(group_number number) const {
  auto at = groups_.find(number);
  return at != groups_.end() && usable(at->second);
}

bool routing_table::all_ready() const {
  std::set<std::string> ready, all;
  for (const auto& [number, g] : groups_) {
    all.insert(g.spec->deployment->name);
    if (usable(g)) ready.insert(g.spec->deployment->name);
  }
  return ready == all;
}

}  // namespace troupe

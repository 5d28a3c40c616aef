// What the actors of a simulated node count, as events: what checkers judge them by.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "actors/runtime/groups.hpp"
#include "actors/runtime/metrics.hpp"
#include "simulations/world/world.hpp"

namespace troupe::simulation {

class node_metrics final : public actor_metrics {
 public:
  /// `groups` must outlive it.
  node_metrics(world& where, std::string node, const std::vector<group_spec>& groups)
      : world_(where), node_(std::move(node)), groups_(groups) {}

  /// Who has ended counts nothing more.
  void cut() { cut_ = true; }

  void frame_refused(std::string_view reason) override { note("frame.refused", {{"reason", reason}}); }
  void token_committed(std::string_view request, uint32_t choice, uint32_t index, group_number group,
                       generation_number generation) override {
    note("stream.token", {{"request", request},
                          {"choice", choice},
                          {"index", index},
                          {"group", groups_[group].name},
                          {"generation", generation}});
  }
  void stream_resumed(duration since_loss) override {
    note("stream.resumed", {{"ms", since_loss / std::chrono::milliseconds(1)}});
  }
  void load_reported(std::string_view group, const group_load& load) override {
    note("group.load", {{"group", group},
                        {"running", load.running},
                        {"waiting", load.waiting},
                        {"sequences_max", load.sequences_max},
                        {"waiting_max", load.waiting_max},
                        {"pages_used", load.kv_pages_used},
                        {"pages_cached", load.kv_pages_cached},
                        {"pages_total", load.kv_pages_total},
                        {"preemptions", load.preemptions},
                        {"prefix_hits", load.prefix_tokens_hit},
                        {"drafts", load.accepted_tokens}});
  }
  void group_failed(std::string_view group, std::string_view reason, duration silence) override {
    note("group.failed",
         {{"group", group}, {"reason", reason}, {"silence_ms", silence / std::chrono::milliseconds(1)}});
  }
  /// Told again and again: only changes are events.
  void group_is_ready(std::string_view group, bool ready) override {
    const auto [known, is_new] = ready_.try_emplace(std::string(group), ready);
    if (!is_new && known->second == ready) return;
    known->second = ready;
    note("group.ready", {{"group", group}, {"ready", ready}});
  }

 private:
  void note(std::string_view what, std::initializer_list<log_field> fields) {
    if (!cut_) world_.note(node_, what, fields);
  }

  world& world_;
  std::string node_;
  const std::vector<group_spec>& groups_;
  std::map<std::string, bool, std::less<>> ready_;
  bool cut_ = false;
};

}  // namespace troupe::simulation

// Which group a stream goes to. Pure: the router's actor feeds it what supervisors, leaders and links say.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/runtime/groups.hpp"
#include "actors/runtime/messages.hpp"
#include "base/result.hpp"

namespace troupe {

class routing_table {
 public:
  explicit routing_table(const std::vector<group_spec>& groups);

  struct target {
    group_number group = no_group_number;
    generation_number generation = 0;
    node_name leader;
    std::string fingerprint;
  };
  struct incarnation {
    group_number group = no_group_number;
    generation_number generation = 0;
  };

  /// What a supervisor says of its group. The incarnation whose streams must move, if that ended one. News of an older
  /// generation are ignored.
  std::optional<incarnation> on_state(const group_state& state);
  /// A leader's report; ignored unless it is of the present generation.
  bool on_load(group_number group, generation_number generation, const group_load& load);
  /// A leader's node was linked, or lost its link: then its incarnation's streams must move.
  std::optional<incarnation> on_link(const node_name& node, bool up);

  /// The ready group of the deployment with the least work before a new stream. With a fingerprint, only groups that
  /// compute the same bits. Counts the stream there, until release(). Errors: no_group, overloaded.
  result<target> choose(const std::string& deployment, const std::string& fingerprint, uint32_t tokens);
  /// A stream that was sent to this incarnation is gone from it.
  void release(group_number group, generation_number generation);

  /// Draining groups on which nothing runs any more.
  std::vector<incarnation> idle_draining() const;
  bool is_ready(group_number group) const;
  /// Whether every deployment has a ready group.
  bool all_ready() const;
  const std::map<group_number, group_load>& loads() const { return loads_; }

 private:
  struct group {
    const group_spec* spec = nullptr;
    generation_number generation = 0;
    group_phase phase = group_phase::stopped;
    node_name leader;
    std::string fingerprint;
    bool linked = false;
    /// A report of this generation has come: it is known to step.
    bool reported = false;
    /// Streams sent there and not released.
    uint32_t streams = 0;
    /// Sent since the last report, which does not know of them.
    uint64_t streams_unreported = 0;
    /// Released since the last report, which counts those that it knew. Short streams come and go many times between
    /// two.
    uint64_t ends_unreported = 0;
    uint64_t tokens_unreported = 0;
  };

  bool usable(const group& g) const { return g.phase == group_phase::ready && g.linked && g.reported; }

  std::map<group_number, group> groups_;
  std::map<group_number, group_load> loads_;
  std::map<node_name, bool> links_;
};

}  // namespace troupe

// Where the ranks of one generation of a group on several hosts meet: each says where it listens, and when all have,
// each is told of all. Pure.
#pragma once

#include <optional>
#include <vector>

#include "schemas/cluster.hpp"

namespace troupe {

class meeting_point {
 public:
  explicit meeting_point(uint32_t ranks) : known_(ranks) {}

  /// A new generation, with a secret of its own: what is known is of the one before.
  void begin(const std::array<std::byte, 16>& secret);
  /// The ranks to tell of message() now: all with the last one to come; later only who asks again, for what it was told
  /// has not reached it.
  std::vector<uint32_t> on_listening(const rank_listening& listening);
  /// Once all are known.
  group_meeting message() const;

 private:
  bool complete() const;

  std::vector<std::optional<rank_endpoint>> known_;
  std::array<std::byte, 16> secret_{};
};

}  // namespace troupe

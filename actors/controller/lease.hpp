// A lease on a key of the store: who acts. Pure but for the store. No two nodes' clocks are compared: a holder renews
// by writing, and another takes over only after it has seen no write for the whole term by its own clock.
#pragma once

#include <optional>
#include <string>

#include "actors/seams/store.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace troupe {

class lease {
 public:
  /// A holder renews at least three times in a `term`.
  lease(store& entries, std::string key, node_name self, duration term);

  /// Takes, renews or watches the lease; call it a few times in a term. Whether this node holds it now. An earlier
  /// incarnation of the same node gives way at once: its host started this one after it had ended.
  /// Errors: the store's (then it is not held).
  result<bool> keep(instant now);
  bool held() const { return held_; }
  /// The fencing token: the revision of the last write.
  uint64_t revision() const { return revision_; }

 private:
  result<bool> write(instant now);

  store& entries_;
  std::string key_;
  node_name self_;
  duration term_;
  bool held_ = false;
  uint64_t revision_ = 0;
  /// When `revision_` was first seen.
  instant seen_{};
};

}  // namespace troupe

// The store seam: what must survive a restart and be agreed on. A small set of keys with compare-and-set.
// Production: one SQLite file (actors/outside); etcd later. Watches and leases are built on it by the controller.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace troupe {

struct store_entry {
  std::string key;
  std::string value;
  /// Grows with every write to the store: a fencing token.
  uint64_t revision = 0;

  friend bool operator==(const store_entry&, const store_entry&) = default;
};

/// Calls may wait for a disk for a few milliseconds. Any thread.
class store {
 public:
  virtual ~store() = default;
  /// Nothing where there is no such key. Errors: io_failed.
  virtual result<std::optional<store_entry>> get(std::string_view key) = 0;
  /// Writes if the key's present revision is `expected` (0: it must not exist); durable when it returns. Gives the new
  /// revision. Errors: conflict (it has another revision), io_failed.
  virtual result<uint64_t> put_if(std::string_view key, std::string_view value, uint64_t expected) = 0;
  /// Errors: conflict, io_failed.
  virtual result<void> remove_if(std::string_view key, uint64_t expected) = 0;
  /// All keys that begin with `prefix`, in order. At most 10 000. Errors: io_failed, overloaded.
  virtual result<std::vector<store_entry>> list(std::string_view prefix) = 0;
};

}  // namespace troupe

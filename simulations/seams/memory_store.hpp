// The store seam of a simulation: what survives the processes that write it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "actors/seams/store.hpp"

namespace troupe::simulation {

/// What is stored. One thread.
class stored {
 public:
  std::map<std::string, store_entry, std::less<>> entries;
  uint64_t revision = 0;
  /// The disk neither reads nor writes now.
  bool fails = false;
  /// What is written is there, but who wrote it is told that it failed.
  bool loses_answers = false;
  /// Called within each write, after it; empty: by nobody.
  std::function<void()> written;
};

/// A process's access to it: ends with the process.
class memory_store final : public store {
 public:
  explicit memory_store(stored& where) : where_(where) {}

  /// From now on nothing reaches what is stored.
  void cut() { cut_ = true; }

  result<std::optional<store_entry>> get(std::string_view key) override;
  result<uint64_t> put_if(std::string_view key, std::string_view value, uint64_t expected) override;
  result<void> remove_if(std::string_view key, uint64_t expected) override;
  result<std::vector<store_entry>> list(std::string_view prefix) override;

 private:
  result<void> check() const;
  result<void> check(std::string_view key, uint64_t expected) const;
  /// What who wrote is told.
  result<void> written() const;

  stored& where_;
  bool cut_ = false;
};

}  // namespace troupe::simulation

// What happened, in order: the one thing by which two runs of a seed are compared, and from which a failure is read.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace troupe::simulation {

/// One event. The views are valid during the call alone.
struct event {
  /// Since the beginning of the world.
  duration at{};
  /// Whose; empty: the world's own.
  std::string_view node;
  /// "link.up", "process.ended"
  std::string_view what;
  std::span<const log_field> fields;
  /// Error: what nobody expects to happen.
  log_level level = log_level::info;

  /// Of the field with that key; empty where there is none or where it is a number.
  std::string_view text(std::string_view key) const;
  /// 0 where there is none, where it is a text, or where it is below 0.
  uint64_t number(std::string_view key) const;
};

/// Every event goes into the hash; who wants to read them takes them too. One thread.
class history {
 public:
  using reader = std::function<void(const event&)>;

  void add(duration at, std::string_view node, std::string_view what, std::initializer_list<log_field> fields = {},
           log_level level = log_level::info);
  /// Of all so far: equal histories have equal hashes, on every machine and in every build.
  uint64_t hash() const { return hash_; }
  uint64_t count() const { return count_; }
  /// Called with each event from now on; an empty one ends that.
  void read_by(reader who) { reader_ = std::move(who); }

 private:
  void mix(uint64_t word);
  void mix(std::string_view text);

  uint64_t hash_ = 0x9E3779B97F4A7C15;
  uint64_t count_ = 0;
  reader reader_;
};

}  // namespace troupe::simulation

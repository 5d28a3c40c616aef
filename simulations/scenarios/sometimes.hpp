// States that a swarm has to reach now and then: a promise that was never put to the test was not kept, it was not
// asked for.
#pragma once

#include <bitset>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "simulations/world/history.hpp"

namespace troupe::simulation {

inline constexpr size_t states_max = 128;

/// Their names, in the order of their numbers.
std::span<const std::string_view> all_states();

/// Those that a run was in.
class states_reached {
 public:
  void read(const event& what);
  bool has(size_t state) const { return reached_[state]; }
  void add(const states_reached& other) { reached_ |= other.reached_; }
  /// As text and back, for reports: one digit a state.
  std::string to_text() const;
  static states_reached from_text(std::string_view text);

 private:
  void read_load(const event& what);
  void read_ready(const event& what);
  void read_process(const event& what);

  std::bitset<states_max> reached_;
  /// Of each group that was ready once: whether it is.
  std::map<std::string, bool, std::less<>> ready_;
  /// Processes.
  std::set<std::string, std::less<>> stopped_;
  /// Faults.
  std::set<uint64_t> working_;
  uint64_t open_ = 0;
};

}  // namespace troupe::simulation

// All checkers on one history.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "simulations/checkers/checker.hpp"

namespace troupe::simulation {

class judge {
 public:
  void add(std::unique_ptr<checker> one);
  /// Each checker gets the events that it reads.
  void read(const event& what);
  /// Once, after the last event.
  void end(duration at);
  const violations& found() const { return found_; }

 private:
  std::vector<std::unique_ptr<checker>> checkers_;
  std::unordered_map<std::string_view, std::vector<checker*>> readers_;
  violations found_;
};

}  // namespace troupe::simulation

// All checkers on one history.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string_view>
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
  std::map<std::string_view, std::vector<checker*>, std::less<>> readers_;
  violations found_;
};

}  // namespace troupe::simulation

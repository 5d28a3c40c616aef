#include "simulations/checkers/judge.hpp"

namespace troupe::simulation {

void judge::add(std::unique_ptr<checker> one) {
  for (const std::string_view name : one->reads()) readers_[name].push_back(one.get());
  checkers_.push_back(std::move(one));
}

void judge::read(const event& what) {
  const auto pass_to = [&](std::string_view name) {
    const auto found = readers_.find(name);
    if (found == readers_.end()) return;
    for (checker* each : found->second) each->read(what, found_);
  };
  pass_to(what.what);
  if (what.level == log_level::error) pass_to(any_error);
}

void judge::end(duration at) {
  for (const auto& each : checkers_) each->end(at, found_);
}

}  // namespace troupe::simulation

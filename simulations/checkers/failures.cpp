#include "simulations/checkers/failures.hpp"

namespace troupe::simulation {

void explained_failures::read(const event& what, violations& found) {
  if (what.what == "request.begun") {
    running_.emplace(what.text("request"), request{what.at, losses_});
  } else if (what.what == "request.left") {
    if (const auto its = running_.find(what.text("request")); its != running_.end()) running_.erase(its);
  } else if (what.what == "request.ended") {
    judge_end(what, found);
  } else if (what.what == "fault.begins") {
    faults_.insert(what.number("id"));
  } else if (what.what == "fault.ends") {
    mend(faults_, what.number("id"), what.at);
  } else if (what.what == "host.lost") {
    leaving_.emplace(what.node);
  } else if (what.what == "os.ended") {
    mend(leaving_, what.text("process"), what.at);
  } else if (what.what == "group.recovered") {
    mend(given_up_, what.text("group"), what.at);
  } else if (what.what == "node.lost") {
    ++losses_;
  } else {
    ++losses_;
    const std::string_view group = what.text("group");
    if (was_well(what.at) && !lost_.contains(group)) {
      found.add(id(), what.at,
                "group " + std::string(group) + " fails although nothing has been wrong for " +
                    std::to_string((what.at - well_since_) / std::chrono::milliseconds(1)) + " ms");
    }
    if (what.text("reason") == "gave_up") given_up_.emplace(group);
  }
}

void explained_failures::judge_end(const event& what, violations& found) {
  const auto its = running_.find(what.text("request"));
  if (its == running_.end()) return;
  const request begun = its->second;
  running_.erase(its);
  const std::string_view how = what.text("how");
  const std::string name = "request " + std::string(what.text("request")) + " ends with " + std::string(how);
  if (how == "aborted" && losses_ - begun.losses <= losses_max_) {
    found.add(id(), what.at, name + " after " + std::to_string(losses_ - begun.losses) + " losses");
    return;
  }
  // Too much to do is a reason of its own.
  if (how == "complete" || how == "overloaded" || how == "deadline_exceeded" || !was_well(begun.begun)) return;
  found.add(id(), what.at, name + " although nothing was wrong");
}

}  // namespace troupe::simulation

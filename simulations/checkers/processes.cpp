#include "simulations/checkers/processes.hpp"

namespace troupe::simulation {

void full_recovery::read(const event& what, violations&) {
  if (what.what == "os.started") {
    alive_[std::string(what.text("process"))].insert(what.number("generation"));
  } else if (what.what == "os.ended") {
    auto& generations = alive_[std::string(what.text("process"))];
    const auto its = generations.find(what.number("generation"));
    if (its != generations.end()) generations.erase(its);
  } else if (what.what == "group.ready") {
    ready_[std::string(what.text("group"))] = what.number("ready") != 0;
  } else if (what.what == "phase.healed") {
    healed_ = true;
  } else if (what.what == "request.ended") {
    serves_ = serves_ || (healed_ && what.text("how") == "complete");
  } else {
    const uint64_t left = what.number("running") + what.number("waiting") + what.number("pages_used");
    load_[std::string(what.text("group"))] =
        left == 0 ? std::string()
                  : std::to_string(what.number("running")) + " running and " + std::to_string(what.number("waiting")) +
                        " waiting streams, " + std::to_string(what.number("pages_used")) + " pages";
  }
}

void full_recovery::end(duration at, violations& found) {
  if (!serves_) found.add(id(), at, "nobody is served after healing");
  for (const group& each : groups_) {
    if (!ready_[each.name]) found.add(id(), at, "group " + each.name + " is not ready");
    const auto load = load_.find(each.name);
    if (load == load_.end()) {
      found.add(id(), at, "group " + each.name + " never said what it has to do");
    } else if (!load->second.empty()) {
      found.add(id(), at, "group " + each.name + " keeps " + load->second);
    }
    std::set<uint64_t> generations;
    for (const std::string& node : each.nodes) {
      const auto& its = alive_[node];
      if (its.size() != 1)
        found.add(id(), at, "there are " + std::to_string(its.size()) + " processes of " + node + " instead of one");
      generations.insert(its.begin(), its.end());
    }
    if (generations.size() > 1) found.add(id(), at, "group " + each.name + " is of several generations");
  }
}

void bounded_restarts::read(const event& what, violations& found) {
  if (what.what == "controller.supervisor_restarted") {
    groups_.erase(std::string(what.text("group")));
  } else if (what.what == "agent.started") {
    processes_.clear();
  } else if (what.what == "controller.took_lease") {
    groups_.clear();
  } else if (what.what == "os.ended") {
    // Groups are counted by their gateway, and with it that ends.
    if (what.number("generation") == 0) groups_.clear();
  } else if (what.what == "group.failed") {
    if (what.text("reason") == "restarted") count(groups_, "group ", what.text("group"), what.at, restarts_max_, found);
  } else if (what.number("generation") == 0) {
    // A group's ranks are counted with their group. A process's first start is no restart.
    count(processes_, "process ", what.text("process"), what.at, restarts_max_ + 1, found);
  }
}

void bounded_restarts::count(starts& in, std::string_view kind, std::string_view name, duration at, uint64_t most,
                             violations& found) {
  auto& times = in[std::string(name)];
  while (!times.empty() && at - times.front() >= period_) times.pop_front();
  times.push_back(at);
  if (times.size() <= most) return;
  found.add(id(), at,
            std::string(kind) + std::string(name) + " is restarted " + std::to_string(times.size()) + " times within " +
                std::to_string(period_ / std::chrono::seconds(1)) + " s, of at most " + std::to_string(most));
}

void expected_errors::read(const event& what, violations& found) {
  if (expected_.contains(what.what)) return;
  std::string words = std::string(what.node) + ": " + std::string(what.what);
  for (const log_field& field : what.fields) {
    const auto* value = std::get_if<std::string_view>(&field.value);
    if (value != nullptr) words.append(", ").append(field.key).append(" ").append(*value);
  }
  found.add(id(), what.at, std::move(words));
}

}  // namespace troupe::simulation

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
  std::string name;
  if (what.what == "controller.supervisor_restarted") {
    restarts_.erase("group " + std::string(what.text("group")));
    return;
  }
  if (what.what == "agent.started") {
    std::erase_if(restarts_, [](const auto& each) { return each.first.starts_with("process "); });
    return;
  }
  if (what.what == "os.ended" || what.what == "controller.took_lease") {
    // Groups are counted by their gateway: with its control, or with it, that ends.
    const bool all = what.what != "os.ended" || what.number("generation") == 0;
    if (all) std::erase_if(restarts_, [](const auto& each) { return each.first.starts_with("group "); });
    return;
  }
  if (what.what == "group.failed") {
    if (what.text("reason") != "restarted") return;
    name = "group " + std::string(what.text("group"));
  } else {
    // A group's ranks are counted with their group.
    if (what.number("generation") != 0) return;
    name = "process " + std::string(what.text("process"));
  }
  auto& times = restarts_[name];
  while (!times.empty() && what.at - times.front() >= period_) times.pop_front();
  times.push_back(what.at);
  // A process's first start is none.
  const uint64_t most = restarts_max_ + (name[0] == 'p' ? 1 : 0);
  if (times.size() > most) {
    found.add(id(), what.at,
              name + " is restarted " + std::to_string(times.size()) + " times within " +
                  std::to_string(period_ / std::chrono::seconds(1)) + " s, of at most " + std::to_string(most));
  }
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

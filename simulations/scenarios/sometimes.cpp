#include "simulations/scenarios/sometimes.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "base/buggify.hpp"
#include "base/check.hpp"
#include "simulations/faults/fault.hpp"

namespace troupe::simulation {
namespace {

/// An event that makes a state, with a field that has to be a certain text; empty: any.
struct rule {
  std::string_view state, event, key, value;
};

constexpr std::array rules = {
    rule{"a stream goes on in another incarnation", "stream.resumed", "", ""},
    rule{"a group is lost", "group.lost", "", ""},
    rule{"a group recovers", "group.recovered", "", ""},
    rule{"a group gives up", "group.gave_up", "", ""},
    rule{"a token of a fenced generation is refused", "frame.refused", "reason", "generation"},
    rule{"a token out of order is refused", "frame.refused", "reason", "order"},
    rule{"a frame for an actor that is gone is refused", "frame.refused", "reason", "no_receiver"},
    rule{"a peer is silent", "membership.silent", "", ""},
    rule{"a rank sees that its group is broken", "rank.failed", "", ""},
    rule{"a gateway has no host and ends", "host.lost", "", ""},
    rule{"control takes its lease", "controller.took_lease", "", ""},
    rule{"control loses its lease", "controller.lost_lease", "", ""},
    rule{"control cannot write", "controller.store_failed", "", ""},
    rule{"a group's generation cannot be stored", "group.store_failed", "", ""},
    rule{"a supervisor is restarted", "controller.supervisor_restarted", "", ""},
    rule{"a permanent process is lost", "process.lost", "", ""},
    rule{"a process cannot be started", "process.start_failed", "", ""},
    rule{"a link ends", "link.down", "", ""},
    rule{"a leader cancels the streams of a gateway", "group_leader.streams_cancelled", "", ""},
    rule{"a request is complete", "request.ended", "how", "complete"},
    rule{"a request is cut off", "request.ended", "how", "cut"},
    rule{"a request is unavailable", "request.ended", "how", "unavailable"},
    rule{"a request is overloaded", "request.ended", "how", "overloaded"},
    rule{"a request runs out of time", "request.ended", "how", "deadline_exceeded"},
    rule{"a request is given up after many losses", "request.ended", "how", "aborted"},
    rule{"a client leaves", "request.left", "", ""},
};

/// Those that take more than one event.
constexpr std::array<std::string_view, 13> others = {
    "several groups are down at once",
    "all groups are down",
    "requests wait while all groups are down",
    "all pages are taken and streams wait",
    "a stream is preempted",
    "a prefix is found",
    "a guess is right",
    "streams wait in a group",
    "two faults work at once",
    "five faults work at once",
    "a stopped process is ended",
    "a gateway dies with requests open",
    "requests are open when all is healed",
};

/// The number of one of those.
consteval size_t number_of(std::string_view name) {
  for (size_t i = 0; i < others.size(); ++i)
    if (others[i] == name) return rules.size() + i;
  throw "there is no such state";
}

std::unordered_multimap<std::string_view, size_t> rules_by_event() {
  std::unordered_multimap<std::string_view, size_t> numbers;
  for (size_t i = 0; i < rules.size(); ++i) numbers.emplace(rules[i].event, i);
  return numbers;
}

std::vector<std::string_view> names_of_all() {
  std::vector<std::string_view> names;
  names.reserve(states_max);
  for (const rule& each : rules) names.push_back(each.state);
  names.insert(names.end(), others.begin(), others.end());
  for (const fault_description& each : all_faults) names.push_back(each.name);
  for (const buggify_description& each : all_buggify_points) names.push_back(each.name);
  TROUPE_CHECK(names.size() <= states_max);
  return names;
}

}  // namespace

std::span<const std::string_view> all_states() {
  static const std::vector<std::string_view> names = names_of_all();
  return names;
}

void states_reached::read(const event& what) {
  // Of most events there is no rule.
  static const std::unordered_multimap<std::string_view, size_t> by_event = rules_by_event();
  const auto [first, last] = by_event.equal_range(what.what);
  for (auto at = first; at != last; ++at) {
    const rule& its = rules[at->second];
    if (its.key.empty() || what.text(its.key) == its.value) reached_.set(at->second);
  }
  if (what.what == "group.load") {
    read_load(what);
  } else if (what.what == "group.ready") {
    read_ready(what);
  } else if (what.what.starts_with("os.")) {
    read_process(what);
  } else if (what.what == "fault.begins") {
    const auto kind = fault_of(what.text("kind"));
    if (kind) reached_.set(rules.size() + others.size() + static_cast<size_t>(*kind));
    working_.insert(what.number("id"));
    if (working_.size() >= 2) reached_.set(number_of("two faults work at once"));
    if (working_.size() >= 5) reached_.set(number_of("five faults work at once"));
  } else if (what.what == "buggify.happened") {
    const auto point = buggify_point_of(what.text("point"));
    if (point) reached_.set(rules.size() + others.size() + all_faults.size() + static_cast<size_t>(*point));
  } else if (what.what == "fault.ends") {
    working_.erase(what.number("id"));
  } else if (what.what == "request.begun") {
    ++open_;
  } else if (what.what == "request.ended" || what.what == "request.left") {
    open_ -= open_ > 0 ? 1 : 0;
  } else if (what.what == "phase.healed" && open_ > 0) {
    reached_.set(number_of("requests are open when all is healed"));
  }
}

void states_reached::read_load(const event& what) {
  const bool waits = what.number("waiting") > 0;
  if (waits) reached_.set(number_of("streams wait in a group"));
  if (waits && what.number("pages_used") == what.number("pages_total"))
    reached_.set(number_of("all pages are taken and streams wait"));
  if (what.number("preemptions") > 0) reached_.set(number_of("a stream is preempted"));
  if (what.number("prefix_hits") > 0) reached_.set(number_of("a prefix is found"));
  if (what.number("drafts") > 0) reached_.set(number_of("a guess is right"));
}

/// Of groups that were ready once.
void states_reached::read_ready(const event& what) {
  const std::string group(what.text("group"));
  if (what.number("ready") != 0) {
    ready_[group] = true;
    return;
  }
  const auto its = ready_.find(group);
  if (its == ready_.end()) return;
  its->second = false;
  const auto down =
      static_cast<size_t>(std::ranges::count(ready_, false, [](const auto& each) { return each.second; }));
  if (down >= 2) reached_.set(number_of("several groups are down at once"));
  if (down < ready_.size()) return;
  reached_.set(number_of("all groups are down"));
  if (open_ > 0) reached_.set(number_of("requests wait while all groups are down"));
}

void states_reached::read_process(const event& what) {
  const uint64_t generation = what.number("generation");
  std::string name = std::string(what.text("process")) + "#" + std::to_string(generation);
  if (what.what == "os.stopped") {
    stopped_.insert(std::move(name));
  } else if (what.what == "os.goes_on") {
    stopped_.erase(name);
  } else if (what.what == "os.ended") {
    if (stopped_.erase(name) > 0) reached_.set(number_of("a stopped process is ended"));
    if (generation == 0 && open_ > 0) reached_.set(number_of("a gateway dies with requests open"));
  }
}

std::string states_reached::to_text() const {
  std::string text;
  for (size_t i = 0; i < all_states().size(); ++i) text += reached_[i] ? '1' : '0';
  return text;
}

states_reached states_reached::from_text(std::string_view text) {
  states_reached made;
  for (size_t i = 0; i < std::min(text.size(), states_max); ++i) made.reached_[i] = text[i] == '1';
  return made;
}

}  // namespace troupe::simulation

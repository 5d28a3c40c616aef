#include "simulations/checkers/groups.hpp"

#include <algorithm>
#include <array>

namespace troupe::simulation {
namespace {

std::string of(uint64_t part, uint64_t whole) { return std::to_string(part) + " of " + std::to_string(whole); }

/// How a request may end: whole, cut off with its connection, or refused and failed with an error that clients know.
constexpr std::array<std::string_view, 9> known_ends = {"complete",       "cut",      "overloaded", "no_group",
                                                        "unavailable",    "draining", "aborted",    "deadline_exceeded",
                                                        "outcome_unknown"};

}  // namespace

void fenced_generations::read(const event& what, violations& found) {
  const uint64_t generation = what.number("generation");
  uint64_t& highest = committed_[what.number("group")];
  if (generation < highest) {
    found.add(id(), what.at,
              "request " + std::string(what.text("request")) + ": a token of generation " + std::to_string(generation) +
                  " of group " + std::to_string(what.number("group")) + " is accepted after those of generation " +
                  std::to_string(highest));
  }
  highest = std::max(highest, generation);
}

void bounded_queues::read(const event& what, violations& found) {
  if (what.what == "request.ended") {
    if (std::ranges::find(known_ends, what.text("how")) == known_ends.end()) {
      found.add(id(), what.at,
                "request " + std::string(what.text("request")) + " ends with " + std::string(what.text("how")));
    }
    return;
  }
  const std::string group = "group " + std::string(what.text("group"));
  if (what.number("running") > what.number("sequences_max"))
    found.add(id(), what.at,
              group + " runs " + of(what.number("running"), what.number("sequences_max")) + " sequences");
  // Streams that made room for others wait too, beyond waiting_max.
  const uint64_t all = what.number("running") + what.number("waiting");
  const uint64_t most = what.number("sequences_max") + what.number("waiting_max");
  if (all > most) found.add(id(), what.at, group + " has " + of(all, most) + " streams");
}

void conserved_pages::read(const event& what, violations& found) {
  if (what.what == "request.begun") {
    ++open_;
  } else if (what.what == "request.ended" || what.what == "request.left") {
    open_ -= open_ > 0 ? 1 : 0;
    changed(what.at);
  } else if (what.what == "fault.begins") {
    faults_.insert(what.number("id"));
  } else if (what.what == "fault.ends") {
    faults_.erase(what.number("id"));
    changed(what.at);
  } else {
    const std::string group = "group " + std::string(what.text("group"));
    const uint64_t used = what.number("pages_used"), cached = what.number("pages_cached");
    if (used + cached > what.number("pages_total"))
      found.add(id(), what.at, group + " has given away " + of(used + cached, what.number("pages_total")) + " pages");
    if (open_ > 0 || !faults_.empty() || what.at < quiet_since_ + patience_) return;
    if (used != 0 || what.number("running") != 0 || what.number("waiting") != 0) {
      found.add(id(), what.at,
                group + " keeps " + std::to_string(used) + " pages, " + std::to_string(what.number("running")) +
                    " running and " + std::to_string(what.number("waiting")) + " waiting streams of nobody");
    }
  }
}

}  // namespace troupe::simulation

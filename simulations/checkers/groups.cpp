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
  const auto its = groups_.find(what.text("group"));
  group& g = its != groups_.end() ? its->second : groups_[std::string(what.text("group"))];
  if (what.what == "group.lost") {
    if (generation > g.lost) g.lost_at = what.at;
    g.lost = std::max(g.lost, generation);
    return;
  }
  // Within a gateway, the word of a loss takes as long as a few messages do.
  constexpr duration word = std::chrono::milliseconds(1);
  const bool is_lost = generation <= g.lost && what.at > g.lost_at + word;
  if (is_lost || generation < g.committed) {
    found.add(id(), what.at,
              "request " + std::string(what.text("request")) + ": a token of generation " + std::to_string(generation) +
                  " of group " + std::string(what.text("group")) + " is accepted after " +
                  (is_lost ? "it was lost" : "one of generation " + std::to_string(g.committed)));
  }
  g.committed = std::max(g.committed, generation);
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

void conserved_pages::set_open(duration at, uint64_t choices) {
  open_choices_ = choices;
  add(choices_, at, choices);
}

void conserved_pages::read(const event& what, violations& found) {
  if (what.what == "request.begun") {
    const uint64_t choices = std::max<uint64_t>(what.number("choices"), 1);
    open_.emplace(what.text("request"), choices);
    set_open(what.at, open_choices_ + choices);
  } else if (what.what == "request.ended" || what.what == "request.left") {
    const auto its = open_.find(what.text("request"));
    if (its == open_.end()) return;
    set_open(what.at, open_choices_ - its->second);
    open_.erase(its);
  } else if (what.what == "fault.begins") {
    faults_.insert(what.number("id"));
  } else if (what.what == "fault.ends") {
    faults_.erase(what.number("id"));
    well_since_ = what.at;
  } else if (what.what == "group.ready") {
    if (what.number("ready") == 0) loads_.erase(std::string(what.text("group")));
  } else {
    const uint64_t used = what.number("pages_used"), cached = what.number("pages_cached");
    if (used + cached > what.number("pages_total")) {
      found.add(id(), what.at,
                "group " + std::string(what.text("group")) + " has given away " +
                    of(used + cached, what.number("pages_total")) + " pages");
    }
    add(loads_[std::string(what.text("group"))], what.at, load{what.number("running") + what.number("waiting"), used});
    // What a fault has left behind takes a while to be noticed.
    constexpr duration recovery = std::chrono::seconds(5);
    if (faults_.empty() && what.at >= well_since_ + recovery) judge_left_over(what, found);
  }
}

/// Reports come one after the other: only what a group has had all the time is there at once with what another has.
void conserved_pages::judge_left_over(const event& what, violations& found) {
  add(choices_, what.at, open_choices_);
  uint64_t most = 0, streams = 0, pages = 0;
  for (const auto& [at, open] : choices_) most = std::max(most, open);
  for (const auto& [group, reports] : loads_) {
    // One that has not been there for so long can have taken over what another has not reported yet.
    if (reports.front().first + patience_ > what.at) continue;
    // One that says nothing any more is about to be missed.
    constexpr duration silence_max = std::chrono::milliseconds(300);
    if (reports.back().first + silence_max < what.at) continue;
    uint64_t least_streams = UINT64_MAX, least_pages = UINT64_MAX;
    for (const auto& [at, its] : reports) {
      least_streams = std::min(least_streams, its.streams);
      least_pages = std::min(least_pages, its.pages);
    }
    streams += least_streams;
    pages += least_pages;
  }
  if (streams > most) {
    found.add(id(), what.at,
              "groups have " + std::to_string(streams) + " streams, clients wait for " + std::to_string(most));
  } else if (most == 0 && pages > 0) {
    found.add(id(), what.at, "groups keep " + std::to_string(pages) + " pages of nobody");
  }
}

}  // namespace troupe::simulation

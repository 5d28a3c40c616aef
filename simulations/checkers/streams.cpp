#include "simulations/checkers/streams.hpp"

#include <algorithm>
#include <set>

namespace troupe::simulation {
namespace {

/// Choices are few: a number beyond that is an event's mistake, or an attack on memory.
constexpr uint64_t choices_max = 1024;

size_t choices_of(const event& what) { return std::clamp<uint64_t>(what.number("choices"), 1, choices_max); }

std::string name_of(const event& what) { return "request " + std::string(what.text("request")); }

}  // namespace

void ends_once::read(const event& what, violations& found) {
  if (what.what == "os.ended") {
    ended_.emplace(what.text("process"));
    return;
  }
  const std::string_view request = what.text("request");
  const auto running = running_.find(request);
  if (what.what == "request.delta" && running != running_.end()) return;
  if (what.what == "request.begun") {
    if (running != running_.end() || over_.contains(request))
      return found.add(id(), what.at, name_of(what) + " begins a second time");
    running_.emplace(request, what.text("gateway"));
    const auto again = ended_.find(what.text("gateway"));
    if (again != ended_.end()) ended_.erase(again);
  } else if (running == running_.end()) {
    const std::string when = over_.contains(request) ? " after its end" : " of a request that nobody began";
    found.add(id(), what.at, name_of(what) + ": " + std::string(what.what) + when);
  } else {
    if (what.what == "request.ended") {
      const std::string_view how = what.text("how");
      if (how.empty()) found.add(id(), what.at, name_of(what) + " ends without a word how");
      if (how == "cut" && !ended_.contains(running->second))
        found.add(id(), what.at, name_of(what) + " is cut off by " + running->second + ", which lives");
    }
    over_.insert(running->first);
    running_.erase(running);
  }
}

void ends_once::end(duration at, violations& found) {
  std::set<std::string> left;
  for (const auto& [request, gateway] : running_) left.insert(request);
  for (const std::string& request : left) found.add(id(), at, "request " + request + " has not ended");
}

void whole_streams::read(const event& what, violations& found) {
  const std::string_view name = what.text("request");
  if (what.what == "request.begun") {
    const size_t choices = choices_of(what);
    running_.insert_or_assign(std::string(name),
                              request{what.text("prompt").size(), what.number("tokens"), std::vector<uint64_t>(choices),
                                      std::vector<uint64_t>(choices)});
    return;
  }
  const auto its = running_.find(name);
  if (its == running_.end()) return;  // of one that the client has left, or I1's matter
  request& r = its->second;
  if (what.what == "stream.token" || what.what == "request.delta") {
    read_progress(what, r, found);
    return;
  }
  if (what.what == "request.ended" && what.text("how") == "complete") judge_complete(what, r, found);
  running_.erase(its);
}

void whole_streams::read_progress(const event& what, request& r, violations& found) {
  const uint64_t choice = what.number("choice");
  if (choice >= r.got.size())
    return found.add(id(), what.at, name_of(what) + " has no choice " + std::to_string(choice));
  if (what.what == "request.delta") {
    r.got[choice] += what.text("text").size();
    return;
  }
  const uint64_t index = what.number("index");
  if (index != r.next[choice]) {
    found.add(id(), what.at,
              name_of(what) + ": after " + std::to_string(r.next[choice]) + " tokens of choice " +
                  std::to_string(choice) + ", the one with index " + std::to_string(index) + " is accepted");
  }
  r.next[choice] = index + 1;
}

void whole_streams::judge_complete(const event& what, const request& r, violations& found) {
  uint64_t all = 0;
  for (size_t i = 0; i < r.got.size(); ++i) {
    all += r.got[i];
    if (r.got[i] != r.tokens) {
      found.add(id(), what.at,
                name_of(what) + ": choice " + std::to_string(i) + " is complete with " + std::to_string(r.got[i]) +
                    " of " + std::to_string(r.tokens) + " tokens");
    }
  }
  if (what.number("tokens") != all || what.number("prompt_tokens") != r.prompt) {
    found.add(id(), what.at,
              name_of(what) + ": its usage says " + std::to_string(what.number("prompt_tokens")) + " and " +
                  std::to_string(what.number("tokens")) + " tokens, not " + std::to_string(r.prompt) + " and " +
                  std::to_string(all));
  }
}

void right_tokens::read(const event& what, violations& found) {
  const std::string_view name = what.text("request");
  if (what.what == "request.begun") {
    std::vector<choice>& choices = running_[std::string(name)];
    choices.clear();
    for (size_t i = 0; i < choices_of(what); ++i)
      choices.push_back({right_(what.text("prompt"), what.number("seed"), i)});
    return;
  }
  const auto its = running_.find(name);
  if (its == running_.end()) return;
  if (what.what != "request.delta") {
    running_.erase(its);
    return;
  }
  const uint64_t number = what.number("choice");
  if (number >= its->second.size()) return;
  choice& c = its->second[number];
  for (const char letter : what.text("text")) {
    // After one that is wrong, all are.
    if (c.wrong) return;
    const char right = c.right();
    if (letter != right) {
      c.wrong = true;
      found.add(id(), what.at,
                name_of(what) + ": token " + std::to_string(c.got) + " of choice " + std::to_string(number) + " is " +
                    letter + " instead of " + right);
    }
    ++c.got;
  }
}

}  // namespace troupe::simulation

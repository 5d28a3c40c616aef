#include "simulations/report/request_reader.hpp"

#include <algorithm>
#include <utility>

namespace troupe::simulation {

void token_times::add(uint64_t choice, duration at, uint64_t tokens) {
  if (tokens == 0) return;
  count_ += tokens;
  if (!first_) first_ = at;
  last_ = at;
  const auto [its, is_first] = last_of_.try_emplace(choice, at);
  if (!is_first && at - its->second > gap_) {
    gap_begin_ = its->second;
    gap_ = at - its->second;
  }
  its->second = at;
}

void token_times::write_to(request_summary& to) const {
  to.tokens = count_;
  to.first_token = first_;
  to.last_token = last_;
  to.gap_begin = gap_begin_;
  to.gap = gap_;
}

void request_reader::read(const event& e) {
  if (e.what == "request.begun") return begin(e);
  if (e.what == "request.delta") return notes_[find(e)].delivered.add(e.number("choice"), e.at, e.text("text").size());
  if (e.what == "stream.token") return take_token(e);
  if (e.what == "request.ended") return end(e, e.text("how"));
  if (e.what == "request.left") return end(e, "left");
}

size_t request_reader::find(const event& e) {
  const std::string name(e.text("request"));
  const auto [its, is_new] = indexes_.try_emplace(name, requests_.size());
  if (is_new) {
    requests_.emplace_back().name = name;
    notes_.emplace_back();
  }
  return its->second;
}

void request_reader::begin(const event& e) {
  request_summary& its = requests_[find(e)];
  its.begun = e.at;
  its.gateway = e.text("gateway");
  its.model = e.text("model");
  // Letters are tokens.
  its.prompt_tokens = e.text("prompt").size();
  its.choices = std::max<uint64_t>(e.number("choices"), 1);
  its.tokens_max = e.number("tokens");
}

void request_reader::take_token(const event& e) {
  const size_t index = find(e);
  request_summary& its = requests_[index];
  if (its.gateway.empty()) its.gateway = e.node;
  token_stretch now{.choice = e.number("choice"),
                    .group = std::string(e.text("group")),
                    .generation = e.number("generation"),
                    .from = e.at,
                    .to = e.at,
                    .tokens = 1};
  notes_[index].made.add(now.choice, e.at, 1);
  const auto [last, is_first] = notes_[index].last.try_emplace(now.choice, its.stretches.size());
  if (!is_first) {
    token_stretch& before = its.stretches[last->second];
    if (before.is_of_same(now) && e.at - before.to < request_summary::pause_min) {
      before.to = e.at;
      ++before.tokens;
      return;
    }
    last->second = its.stretches.size();
  }
  its.stretches.push_back(std::move(now));
}

void request_reader::end(const event& e, std::string_view how) {
  request_summary& its = requests_[find(e)];
  its.ended = e.at;
  its.how = how;
  its.tokens = e.number("tokens");
}

std::vector<request_summary> request_reader::finish() {
  for (size_t i = 0; i < requests_.size(); ++i) {
    const token_times& best = notes_[i].delivered.empty() ? notes_[i].made : notes_[i].delivered;
    if (!best.empty()) best.write_to(requests_[i]);
  }
  return std::move(requests_);
}

}  // namespace troupe::simulation

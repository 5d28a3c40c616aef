#include "simulations/world/world.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::simulation {

void world::soon(owner_number whose, action what) {
  const auto frozen = frozen_.find(whose);
  (frozen == frozen_.end() ? ready_ : frozen->second.waiting).push_back({whose, std::move(what)});
}

void world::at(duration when, owner_number whose, action what) {
  if (when <= now_) return soon(whose, std::move(what));
  later_.emplace(when, possible{whose, std::move(what)});
}

void world::forget(owner_number whose) {
  std::erase_if(ready_, [&](const possible& p) { return p.whose == whose; });
  std::erase_if(later_, [&](const auto& entry) { return entry.second.whose == whose; });
  frozen_.erase(whose);
}

bool world::freeze(owner_number whose) {
  stopped& its = frozen_[whose];
  if (++its.reasons > 1) return false;
  const auto first =
      std::stable_partition(ready_.begin(), ready_.end(), [&](const possible& p) { return p.whose != whose; });
  its.waiting.assign(std::move_iterator(first), std::move_iterator(ready_.end()));
  ready_.erase(first, ready_.end());
  return true;
}

bool world::thaw(owner_number whose) {
  const auto its = frozen_.find(whose);
  if (its == frozen_.end() || --its->second.reasons > 0) return false;
  auto frozen = frozen_.extract(its);
  for (possible& p : frozen.mapped().waiting) ready_.push_back(std::move(p));
  return true;
}

void world::ripen() {
  for (auto first = later_.begin(); first != later_.end() && first->first <= now_; first = later_.erase(first))
    soon(first->second.whose, std::move(first->second.what));
}

bool world::step(duration end) {
  while (ready_.empty()) {
    if (later_.empty() || later_.begin()->first > end) return false;
    now_ = later_.begin()->first;
    ripen();
  }
  const size_t chosen = ready_.size() == 1 ? 0 : choices_.below(ready_.size());
  std::swap(ready_[chosen], ready_.back());
  // It may make others possible, or forget some.
  const action what = std::move(ready_.back().what);
  ready_.pop_back();
  what();
  return true;
}

void world::run_until(duration end) {
  while (step(end)) {
  }
  now_ = std::max(now_, end);
}

}  // namespace troupe::simulation

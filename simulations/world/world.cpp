#include "simulations/world/world.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::simulation {

void world::soon(owner_number whose, action what) {
  const auto frozen = frozen_.find(whose);
  (frozen == frozen_.end() ? ready_ : frozen->second).push_back({whose, std::move(what)});
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

void world::freeze(owner_number whose) {
  const auto [frozen, is_new] = frozen_.try_emplace(whose);
  if (!is_new) return;
  const auto its =
      std::stable_partition(ready_.begin(), ready_.end(), [&](const possible& p) { return p.whose != whose; });
  frozen->second.assign(std::move_iterator(its), std::move_iterator(ready_.end()));
  ready_.erase(its, ready_.end());
}

void world::thaw(owner_number whose) {
  auto frozen = frozen_.extract(whose);
  if (frozen.empty()) return;
  for (possible& p : frozen.mapped()) ready_.push_back(std::move(p));
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

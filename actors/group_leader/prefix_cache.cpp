#include "actors/group_leader/prefix_cache.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace troupe {

prefix_cache::key prefix_cache::before::key_of(uint32_t page) const {
  const auto& n = (*nodes)[page];
  return {n.salt, n.parent, page_ids(n.ids)};
}

bool prefix_cache::before::less(const key& a, const key& b) {
  if (a.parent != b.parent) return a.parent < b.parent;
  if (a.parent == root && a.salt != b.salt) return a.salt < b.salt;
  return std::lexicographical_compare(a.ids.begin(), a.ids.end(), b.ids.begin(), b.ids.end());
}

bool prefix_cache::take(uint32_t count, std::vector<uint32_t>& pages) {
  if (count > available()) return false;
  for (uint32_t i = 0; i < count; ++i) {
    if (pool_.free_pages() == 0) evict();
    pages.push_back(pool_.take());
  }
  return true;
}

void prefix_cache::give_back(std::vector<uint32_t>& pages) {
  // The last page first: of one text, the end is forgotten before the beginning.
  for (auto page = pages.rbegin(); page != pages.rend(); ++page) leave(*page);
  pages.clear();
}

std::optional<uint32_t> prefix_cache::find(std::string_view salt, uint32_t parent, page_ids ids) {
  auto at = known_.find(key{salt, parent, ids});
  if (at == known_.end()) return std::nullopt;
  use(*at);
  return *at;
}

uint32_t prefix_cache::add(std::string_view salt, uint32_t parent, page_ids ids, uint32_t page) {
  TROUPE_CHECK(pool_.is_used(page) && (parent == root || (pool_.is_used(parent) && pool_.is_kept(parent))));
  if (auto twin = find(salt, parent, ids)) {
    leave(page);
    return *twin;
  }
  auto& n = nodes_[page];
  n = {parent == root ? std::string(salt) : std::string(), parent, {}, 0, 0};
  std::copy(ids.begin(), ids.end(), n.ids.begin());
  TROUPE_CHECK(known_.insert(page).second);
  pool_.set_kept(page, true);
  if (parent != root) ++nodes_[parent].children;
  return page;
}

void prefix_cache::use(uint32_t page) {
  if (!pool_.is_used(page)) idle_leaves_.erase(idle_key(page));
  pool_.share(page);
}

void prefix_cache::leave(uint32_t page) {
  bool was_last = pool_.give_back(page);
  if (!was_last || !pool_.is_kept(page)) return;
  nodes_[page].left_at = ++events_;
  if (nodes_[page].children == 0) idle_leaves_.insert(idle_key(page));
}

void prefix_cache::evict() {
  TROUPE_CHECK(!idle_leaves_.empty());
  uint32_t page = idle_leaves_.begin()->second;
  idle_leaves_.erase(idle_leaves_.begin());
  known_.erase(page);
  pool_.set_kept(page, false);
  ++evictions_;
  uint32_t parent = nodes_[page].parent;
  if (parent == root) return;
  if (--nodes_[parent].children == 0 && !pool_.is_used(parent)) idle_leaves_.insert(idle_key(parent));
}

}  // namespace troupe

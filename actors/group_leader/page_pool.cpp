#include "actors/group_leader/page_pool.hpp"

#include "base/check.hpp"

namespace troupe {

page_pool::page_pool(uint32_t pages) : pages_(pages) {
  // The last in the list goes first: low numbers are used first, so that a small load touches little memory.
  free_.reserve(pages);
  for (uint32_t page = pages; page > 0; --page) free_.push_back(page - 1);
}

uint32_t page_pool::take() {
  TROUPE_CHECK(!free_.empty());
  uint32_t page = free_.back();
  free_.pop_back();
  pages_[page] = {1, false};
  ++used_;
  return page;
}

void page_pool::share(uint32_t page) {
  TROUPE_CHECK(page < total());
  auto& p = pages_[page];
  TROUPE_CHECK(p.users > 0 || p.kept);
  if (p.users++ > 0) return;
  ++used_;
  --kept_;
}

bool page_pool::give_back(uint32_t page) {
  TROUPE_CHECK(page < total());
  auto& p = pages_[page];
  TROUPE_CHECK(p.users > 0);
  if (--p.users > 0) return false;
  --used_;
  if (p.kept) {
    ++kept_;
  } else {
    free_.push_back(page);
  }
  return true;
}

void page_pool::set_kept(uint32_t page, bool kept) {
  TROUPE_CHECK(page < total());
  auto& p = pages_[page];
  TROUPE_CHECK(p.users > 0 || p.kept);
  if (p.users == 0 && !kept) {
    --kept_;
    free_.push_back(page);
  }
  p.kept = kept;
}

}  // namespace troupe

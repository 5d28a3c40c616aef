#include "actors/group_leader/page_pool.hpp"

#include "base/check.hpp"

namespace troupe {

page_pool::page_pool(uint32_t pages) : total_(pages), taken_(pages, false) {
  // The last in the list goes first: low numbers are used first, so that a small load touches little memory.
  free_.reserve(pages);
  for (uint32_t page = pages; page > 0; --page) free_.push_back(page - 1);
}

bool page_pool::take(uint32_t count, std::vector<uint32_t>& pages) {
  if (count > free_.size()) return false;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t page = free_.back();
    free_.pop_back();
    taken_[page] = true;
    pages.push_back(page);
  }
  return true;
}

void page_pool::give_back(std::vector<uint32_t>& pages) {
  for (uint32_t page : pages) {
    TROUPE_CHECK(page < total_ && taken_[page]);
    taken_[page] = false;
    free_.push_back(page);
  }
  pages.clear();
}

}  // namespace troupe

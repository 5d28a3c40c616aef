// The pages of one group's KV cache, and how many streams use each. Every rank has the same pages under the same
// numbers, so one pool speaks for all.
#pragma once

#include <cstdint>
#include <vector>

namespace troupe {

/// Pages are conserved: free_pages() + used_pages() + kept_pages() is the total, at every moment. Each is counted by
/// itself, so that conserved() can be asked.
class page_pool {
 public:
  explicit page_pool(uint32_t pages);

  uint32_t total() const { return static_cast<uint32_t>(pages_.size()); }
  uint32_t free_pages() const { return static_cast<uint32_t>(free_.size()); }
  /// Those that somebody uses.
  uint32_t used_pages() const { return used_; }
  /// Those that nobody uses, and whose content is worth keeping.
  uint32_t kept_pages() const { return kept_; }
  bool conserved() const { return uint64_t{free_pages()} + used_ + kept_ == total(); }
  bool is_used(uint32_t page) const { return pages_[page].users > 0; }
  bool is_kept(uint32_t page) const { return pages_[page].kept; }

  /// A free page, of which there must be one. It has one user.
  uint32_t take();
  /// One user more, for a page that is used or kept.
  void share(uint32_t page);
  /// One user less. True: it was the last one; the page is free now, unless its content is kept.
  bool give_back(uint32_t page);

  /// Whether the content is kept when nobody uses the page any more.
  void set_kept(uint32_t page, bool kept);

 private:
  struct page_state {
    uint32_t users = 0;
    bool kept = false;
  };

  std::vector<page_state> pages_;
  std::vector<uint32_t> free_;
  uint32_t used_ = 0;
  uint32_t kept_ = 0;
};

}  // namespace troupe

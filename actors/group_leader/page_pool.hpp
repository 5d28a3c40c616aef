// The free pages of one group's KV cache. Every rank has the same pages under the same numbers, so one pool speaks for
// all.
#pragma once

#include <cstdint>
#include <vector>

namespace troupe {

/// Pages are conserved: free_pages() + what was taken and not given back is the total, at every moment.
class page_pool {
 public:
  explicit page_pool(uint32_t pages);

  uint32_t total() const { return total_; }
  uint32_t free_pages() const { return static_cast<uint32_t>(free_.size()); }
  uint32_t used_pages() const { return total_ - free_pages(); }

  /// Appends `count` pages to `pages`; false, and nothing changed, where there are not so many.
  bool take(uint32_t count, std::vector<uint32_t>& pages);
  /// Takes back all of them and empties the list. Each must have been taken before.
  void give_back(std::vector<uint32_t>& pages);

 private:
  uint32_t total_;
  std::vector<uint32_t> free_;
  std::vector<bool> taken_;
};

}  // namespace troupe

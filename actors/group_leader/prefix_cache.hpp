// Which page holds which beginning of a text: what one stream has computed, another that begins alike need not.
//
// Full pages form a tree: a page is known by its parent (the page before it), the ids of its 16 positions and, at the
// root, the salt. Ids and parent are compared, not hashed, so no page is ever taken for another. What one salt wrote,
// no other finds. Keys and values depend on nothing but the ids up to them (shards/engine/README.md, "Same bits"), so
// whoever reads a found page gets the bits that it would have computed.
//
// A stream uses its pages from the root on without a gap, so a page that nobody uses has no descendant that somebody
// does. Room is made by forgetting unused leaves, the one first that was used the longest time ago.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/group_leader/page_pool.hpp"
#include "base/ids.hpp"
#include "shards/engine/step.hpp"

namespace troupe {

class prefix_cache {
 public:
  /// The parent of a text's first page.
  static constexpr uint32_t root = 0xFFFF'FFFF;
  using page_ids = std::span<const token_id, kv_page_positions>;

  explicit prefix_cache(uint32_t pages) : pool_(pages), nodes_(pages), known_(before{&nodes_}) {}
  prefix_cache(const prefix_cache&) = delete;
  prefix_cache& operator=(const prefix_cache&) = delete;

  const page_pool& pages() const { return pool_; }
  /// What take() could give.
  uint32_t available() const { return pool_.free_pages() + pool_.kept_pages(); }
  /// Pages forgotten to make room, so far.
  uint64_t evictions() const { return evictions_; }

  /// Appends `count` pages for the caller to write; false, and nothing changed, where there are not so many.
  bool take(uint32_t count, std::vector<uint32_t>& pages);
  /// Takes back the pages of one text, in order, and empties the list. Those that were added stay known.
  void give_back(std::vector<uint32_t>& pages);

  /// The page that holds these ids after `parent`, which the caller uses; it uses the result from now on.
  std::optional<uint32_t> find(std::string_view salt, uint32_t parent, page_ids ids);
  /// Makes the caller's page known: it will not be written again. Where another page holds the same already, the caller
  /// uses that one from now on instead of its own; the result is the one it uses.
  uint32_t add(std::string_view salt, uint32_t parent, page_ids ids, uint32_t page);

 private:
  /// What is known of a page that the pool keeps; of no meaning for the others.
  struct node {
    /// Of a first page; empty for the others.
    std::string salt;
    uint32_t parent = root;
    std::array<token_id, kv_page_positions> ids{};
    uint32_t children = 0;
    /// When the last user left, on a clock that counts such events.
    uint64_t left_at = 0;
  };
  struct key {
    std::string_view salt;
    uint32_t parent;
    page_ids ids;
  };
  /// Orders pages by what they hold.
  struct before {
    using is_transparent = void;
    const std::vector<node>* nodes;
    key key_of(uint32_t page) const;
    bool operator()(uint32_t a, uint32_t b) const { return less(key_of(a), key_of(b)); }
    bool operator()(uint32_t a, const key& b) const { return less(key_of(a), b); }
    bool operator()(const key& a, uint32_t b) const { return less(a, key_of(b)); }
    static bool less(const key& a, const key& b);
  };

  void use(uint32_t page);
  void leave(uint32_t page);
  void evict();
  std::pair<uint64_t, uint32_t> idle_key(uint32_t page) const { return {nodes_[page].left_at, page}; }

  page_pool pool_;
  std::vector<node> nodes_;
  std::set<uint32_t, before> known_;
  /// Known pages without users and children: (left_at, page).
  std::set<std::pair<uint64_t, uint32_t>> idle_leaves_;
  uint64_t events_ = 0;
  uint64_t evictions_ = 0;
};

}  // namespace troupe

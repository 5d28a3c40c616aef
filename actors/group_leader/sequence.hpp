// A stream in its group's batch: what was asked, how far it is, which pages it has.
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "actors/group_leader/draft_source.hpp"
#include "actors/group_leader/prefix_cache.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "schemas/request.hpp"

namespace troupe {

/// A stream of one incarnation of one gateway.
struct stream_key {
  node_name gateway;
  uint64_t incarnation = 0;
  stream_id stream = 0;

  friend auto operator<=>(const stream_key&, const stream_key&) = default;
};

/// Pages that hold so many positions.
constexpr uint32_t pages_for(uint32_t positions) { return (positions + kv_page_positions - 1) / kv_page_positions; }

struct sequence {
  stream_key key;
  /// Counts the streams that were admitted: tells it from an earlier stream of the same key, of which a step may still
  /// be running.
  uint64_t admission = 0;
  /// Its place among all streams; the lower goes first.
  int64_t turn = 0;
  int32_t priority = 0;
  instant admitted;
  instant deadline;

  std::shared_ptr<const sampling_params> params;
  /// The prompt, then what was generated, committed tokens included. The running step reads it, too.
  std::shared_ptr<std::vector<token_id>> ids;
  uint32_t prompt_tokens = 0;
  /// Of generated ones.
  uint32_t tokens_max = 0;
  std::vector<token_id> eos;
  std::string cache_salt;
  /// Not none: its rows are pooled, and no token is drawn.
  pooling_kind pooling = pooling_kind::none;
  /// Of the rows that were pooled so far (hidden); empty before the first, and while a step adds more.
  std::vector<double> pooled;

  /// Positions whose keys and values are in the pages.
  uint32_t computed = 0;
  std::vector<uint32_t> pages;
  /// So many of the first pages are known to the prefix cache; nobody writes them.
  uint32_t known_pages = 0;
  /// How often it began to run. What it finds in the cache from the second time on may be its own.
  uint32_t starts = 0;
  /// Positions that it found in the cache the first time; told with its first token.
  uint32_t found = 0;
  bool told_found = false;
  bool running = false;
  /// Part of the step that runs, or of the one that is being planned.
  bool planned = false;
  /// Where there is speculation.
  std::optional<draft_source> drafts;

  uint32_t length() const { return static_cast<uint32_t>(ids->size()); }
  uint32_t to_compute() const { return length() - computed; }
  /// A mean needs every row: what the cache has are keys and values. Nor does it leave its own pages there: nobody asks
  /// for the same text twice, and they would push out prefixes that are.
  bool uses_cache() const { return pooling != pooling_kind::mean; }
  bool is_embedding() const { return pooling != pooling_kind::none; }
  uint32_t generated() const { return length() - prompt_tokens; }
  uint32_t last_known_page() const { return known_pages == 0 ? prefix_cache::root : pages[known_pages - 1]; }
  /// The ids of the page after the known ones, whose positions exist.
  prefix_cache::page_ids next_page_ids() const {
    return std::span(*ids).subspan(size_t{known_pages} * kv_page_positions).first<kv_page_positions>();
  }
  bool ends_with(token_id id) const {
    if (params->ignore_eos) return false;
    for (token_id end : eos) {
      if (end == id) return true;
    }
    return false;
  }
};

/// The order in which streams run, and in reverse that in which they make room.
struct by_turn {
  bool operator()(const sequence* a, const sequence* b) const {
    return a->turn != b->turn ? a->turn < b->turn : a->admission < b->admission;
  }
};

/// Whether a running stream is to make room for one that waits.
inline bool may_displace(const sequence& waiting, const sequence& running) {
  return running.priority > waiting.priority && running.turn > waiting.turn;
}

}  // namespace troupe

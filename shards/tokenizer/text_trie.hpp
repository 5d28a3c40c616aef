// Finds which of many texts a place in another text begins with.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace troupe {

class text_trie {
 public:
  struct found {
    size_t length = 0;
    size_t value = 0;
  };

  /// `text` is not empty. A text put again keeps its first value.
  void put(std::string_view text, size_t value);

  /// The longest text that `text` has at `at`.
  std::optional<found> longest(std::string_view text, size_t at) const;

  bool empty() const { return edges_.empty(); }

 private:
  static uint64_t edge(uint64_t node, char byte) { return node << 8 | static_cast<unsigned char>(byte); }

  std::unordered_map<uint64_t, uint32_t> edges_;  // (node, byte) -> node; 0 is the root
  std::unordered_map<uint32_t, size_t> values_;   // of the nodes that end a text
  std::bitset<256> first_bytes_;                  // most places of a text begin none
};

}  // namespace troupe

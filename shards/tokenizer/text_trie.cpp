#include "shards/tokenizer/text_trie.hpp"

namespace troupe {

void text_trie::put(std::string_view text, size_t value) {
  first_bytes_.set(static_cast<unsigned char>(text[0]));
  uint32_t node = 0;
  for (char byte : text) {
    auto next = static_cast<uint32_t>(edges_.size() + 1);
    node = edges_.emplace(edge(node, byte), next).first->second;
  }
  values_.emplace(node, value);
}

std::optional<text_trie::found> text_trie::longest(std::string_view text, size_t at) const {
  if (at >= text.size() || !first_bytes_[static_cast<unsigned char>(text[at])]) return std::nullopt;
  std::optional<found> best;
  uint32_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    auto next = edges_.find(edge(node, text[i]));
    if (next == edges_.end()) break;
    node = next->second;
    if (auto value = values_.find(node); value != values_.end()) best = found{i + 1 - at, value->second};
  }
  return best;
}

}  // namespace troupe

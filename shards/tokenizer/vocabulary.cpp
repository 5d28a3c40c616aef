#include "shards/tokenizer/vocabulary.hpp"

#include "base/utf8.hpp"

namespace troupe {

std::string byte_token_name(unsigned byte) {
  static constexpr char digits[] = "0123456789ABCDEF";
  return std::string("<0x") + digits[byte >> 4 & 15U] + digits[byte & 15U] + ">";
}

result<void> vocabulary::add(std::string text, token_id id) {
  auto quoted = [&] { return "the token \"" + text.substr(0, 100) + "\""; };
  if (id >= token_ids_max) {
    return {errc::corrupt,
            quoted() + " has the id " + std::to_string(id) + "; ids must be below " + std::to_string(token_ids_max)};
  }
  if (!is_utf8(text)) return {errc::corrupt, "the token with the id " + std::to_string(id) + " is not UTF-8"};
  if (const std::string* other = this->text(id)) {
    return {errc::corrupt,
            quoted() + " and the token \"" + other->substr(0, 100) + "\" have the same id " + std::to_string(id)};
  }
  if (auto other = find(text)) {
    return {errc::corrupt, quoted() + " has two ids, " + std::to_string(*other) + " and " + std::to_string(id)};
  }
  auto [entry, inserted] = ids_.emplace(std::move(text), id);
  if (by_id_.size() <= id) by_id_.resize(id + 1);
  by_id_[id] = &entry->first;
  return {};
}

std::optional<token_id> vocabulary::find(std::string_view text) const {
  auto found = ids_.find(text);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const std::string* vocabulary::text(token_id id) const { return id < by_id_.size() ? by_id_[id] : nullptr; }

}  // namespace troupe

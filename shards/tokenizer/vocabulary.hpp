// The tokens of a model: text to id and back.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

/// Ids are below this: a table by id stays small whatever a file says. The largest vocabularies have under a million.
inline constexpr token_id token_ids_max = 1 << 22;

/// Lets a map of strings be searched by a view.
struct text_hash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// The name of the token for one byte, where a vocabulary falls back to bytes: "<0x0A>".
std::string byte_token_name(unsigned byte);

class vocabulary {
 public:
  /// Errors: corrupt, when the id or the text is taken or the id is too high.
  result<void> add(std::string text, token_id id);

  std::optional<token_id> find(std::string_view text) const;
  /// The text of a token; nullptr where no token has this id.
  const std::string* text(token_id id) const;
  /// One more than the highest id.
  size_t id_limit() const { return by_id_.size(); }
  size_t size() const { return ids_.size(); }

 private:
  std::unordered_map<std::string, token_id, text_hash, std::equal_to<>> ids_;  // owns the texts; its nodes do not move
  std::vector<const std::string*> by_id_;
};

}  // namespace troupe

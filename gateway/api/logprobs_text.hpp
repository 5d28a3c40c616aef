// Log probabilities as the two completion routes show them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/request/answer.hpp"

namespace troupe {

/// A token's bytes as OpenAI writes them where a text is wanted: themselves if they are valid UTF-8, else
/// "bytes:" with an escape for each byte that is not printable ASCII ("bytes:\xe2\x80").
std::string token_text(std::string_view bytes);

/// Appends {"token":…,"logprob":…,"bytes":[…],"top_logprobs":[…]} for each token, with commas between them.
void append_chat_logprobs(std::string& out, std::span<const token_logprob> tokens);

/// The columns of a completion's logprobs, each without its brackets; tokens are added as they come.
class completion_logprobs {
 public:
  /// `characters`: where the first token stands in the choice's text, in Unicode characters.
  explicit completion_logprobs(uint64_t characters = 0) : characters_(characters) {}

  void add(std::span<const token_logprob> tokens);
  /// {"tokens":[…],"token_logprobs":[…],"top_logprobs":[…],"text_offset":[…]}
  void append_to(std::string& out) const;
  /// Where the next token stands.
  uint64_t characters() const { return characters_; }
  size_t size() const { return tokens_.size() + logprobs_.size() + top_.size() + offsets_.size(); }

 private:
  std::string tokens_;
  std::string logprobs_;
  std::string top_;
  std::string offsets_;
  uint64_t characters_ = 0;
};

/// The characters that begin in `bytes`, which may be any part of a valid UTF-8 text.
uint64_t characters_begun(std::string_view bytes);

}  // namespace troupe

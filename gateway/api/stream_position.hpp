// How far a client has read a stream, as the `id` of its server-sent events says it, and what of an answer that is made
// once more comes after that. Plain functions.
//
//   1700000000;12.0.9f3a0c11;-        created; of each choice: not begun, or bytes of text, tokens whose
//                                     log probabilities were sent, a check of the text, and "!" once it has finished
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/request/answer.hpp"
#include "base/result.hpp"

namespace troupe {

/// How far one choice of a stream has come.
struct choice_position {
  bool begun = false;
  bool finished = false;
  uint64_t bytes = 0;
  uint64_t tokens = 0;
  /// FNV-1a, 32 bits, of the text so far: another answer is not taken for this one's rest.
  uint32_t check = 0x811c9dc5;

  void add(std::string_view text, uint64_t more_tokens);

  friend bool operator==(const choice_position&, const choice_position&) = default;
};

struct stream_position {
  /// Of the answer, in Unix seconds.
  int64_t created = 0;
  std::vector<choice_position> choices;

  friend bool operator==(const stream_position&, const stream_position&) = default;
};

inline constexpr size_t stream_choices_max = 128;

void append_position(std::string& out, const choice_position& choice);
/// Errors: invalid_argument, for all that append_position() does not write.
result<stream_position> parse_stream_position(std::string_view text);

/// What of `delta` is beyond `sent`. `at`: how far this choice has come; it is moved on over what is left out here.
/// Errors: conflict, where what was sent is no beginning of this answer.
result<answer_delta> beyond(const choice_position& sent, choice_position& at, const answer_delta& delta);

}  // namespace troupe

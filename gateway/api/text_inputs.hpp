// A text or token ids, one or several of them: what a completion's prompt may be, and what is to be embedded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/api_error.hpp"
#include "gateway/api/field_reader.hpp"
#include "gateway/cluster_client.hpp"

namespace troupe {

/// As it was written: a text, or ids that were checked.
struct text_input {
  std::string text = {};
  std::vector<token_id> ids = {};
  bool is_text = false;
  /// Where it stands: "prompt", "input[3]".
  std::string path = {};
};

/// The member `key`: a string, an array of strings, an array of token ids, or an array of arrays of token ids; one
/// input at least. `most`: of inputs, with its words for people.
struct inputs_bound {
  size_t inputs_max = 0;
  std::string_view words;
};
api_result<std::vector<text_input>> parse_text_inputs(const field_reader& in, std::string_view key,
                                                      const served_model& model, const inputs_bound& most);

/// Its tokens, those of the model's vocabulary; with the special ones that the tokenizer's post-processor adds to a
/// text where `add_special` says so. May be empty. Errors: invalid_argument, with its path.
api_result<std::vector<token_id>> tokens_of(const text_input& from, const served_model& model, bool add_special);

}  // namespace troupe

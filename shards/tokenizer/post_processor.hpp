// The "post_processor" of tokenizer.json: the tokens that stand around a text, such as bos before it.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

/// Immutable; any thread.
struct post_processor {
  std::vector<token_id> before;
  std::vector<token_id> after;

  /// TemplateProcessing (its "single"), BertProcessing, RobertaProcessing, ByteLevel, Sequence, or null.
  /// `is_token`: whether an id exists. Errors: corrupt, not_supported.
  static result<post_processor> parse(const boost::json::value& value, const std::function<bool(token_id)>& is_token);
};

}  // namespace troupe

// Cuts a template into tokens, as jinja2 does with trim_blocks and lstrip_blocks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

enum class token_kind : uint8_t {
  data,            // text between tags, white space control already applied
  variable_begin,  // {{
  variable_end,
  block_begin,  // {%
  block_end,
  name,
  string,
  whole,
  real,
  sign,  // an operator or bracket: `text` is one of + - * / // ** % ~ == != < <= > >= = . : | , ; ( ) [ ] { }
  end,
};

struct token {
  token_kind kind = token_kind::end;
  int line = 1;
  std::string text;  // the data, the name, the sign, the string's content, the number as written
  value constant;    // of a number

  bool is(std::string_view sign) const { return kind == token_kind::sign && text == sign; }
  bool is_name(std::string_view name) const { return kind == token_kind::name && text == name; }
  /// In jinja2's words, for messages.
  std::string described() const;
};

/// Ends with a token of kind end. `source` is valid UTF-8. Errors: invalid_argument that begins with "line N: ".
result<std::vector<token>> tokenize(std::string_view source);

/// "line N: what"
error syntax_error(int line, std::string_view what);

}  // namespace troupe::jinja

#include "gateway/api/logprobs_text.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "gateway/api/json_text.hpp"

namespace troupe {
namespace {

void append_bytes(std::string& out, std::string_view bytes) {
  out += R"(,"bytes":[)";
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out += ',';
    append_json_integer(out, static_cast<unsigned char>(bytes[i]));
  }
  out += ']';
}

// The members that a chosen token and its alternatives share, without the braces.
void append_token(std::string& out, std::string_view bytes, float logprob) {
  out += R"("token":)";
  append_json_string(out, token_text(bytes));
  out += R"(,"logprob":)";
  append_json_logprob(out, logprob);
  append_bytes(out, bytes);
}

}  // namespace

std::string token_text(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string out = "bytes:";
  constexpr char digits[] = "0123456789abcdef";
  for (char c : bytes) {
    if (c >= 0x20 && c < 0x7F) {
      out += c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

void append_chat_logprobs(std::string& out, std::span<const token_logprob> tokens) {
  for (const auto& token : tokens) {
    if (&token != tokens.data()) out += ',';
    out += '{';
    append_token(out, token.bytes, token.logprob);
    out += R"(,"top_logprobs":[)";
    for (const auto& other : token.top) {
      if (&other != token.top.data()) out += ',';
      out += '{';
      append_token(out, other.bytes, other.logprob);
      out += '}';
    }
    out += "]}";
  }
}

void completion_logprobs::add(std::span<const token_logprob> tokens) {
  for (const auto& token : tokens) {
    if (!tokens_.empty()) {
      for (auto* column : {&tokens_, &logprobs_, &top_, &offsets_}) *column += ',';
    }
    append_json_string(tokens_, token_text(token.bytes));
    append_json_logprob(logprobs_, token.logprob);
    append_json_integer(offsets_, static_cast<int64_t>(characters_));
    characters_ += characters_begun(token.bytes);
    top_ += '{';
    // Different tokens may read the same, and an object has each key once: the likelier one, which comes first, stays.
    std::vector<std::string> seen;
    auto add_once = [&](std::string_view bytes, float logprob) {
      std::string text = token_text(bytes);
      if (std::find(seen.begin(), seen.end(), text) != seen.end()) return;
      if (!seen.empty()) top_ += ',';
      append_json_string(top_, text);
      top_ += ':';
      append_json_logprob(top_, logprob);
      seen.push_back(std::move(text));
    };
    for (const auto& other : token.top) add_once(other.bytes, other.logprob);
    // OpenAI's reference of "logprobs": the chosen token is always there, also as one more than was asked for.
    add_once(token.bytes, token.logprob);
    top_ += '}';
  }
}

void completion_logprobs::append_to(std::string& out) const {
  out += R"({"tokens":[)";
  out += tokens_;
  out += R"(],"token_logprobs":[)";
  out += logprobs_;
  out += R"(],"top_logprobs":[)";
  out += top_;
  out += R"(],"text_offset":[)";
  out += offsets_;
  out += "]}";
}

uint64_t characters_begun(std::string_view bytes) {
  return static_cast<uint64_t>(
      std::count_if(bytes.begin(), bytes.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace troupe

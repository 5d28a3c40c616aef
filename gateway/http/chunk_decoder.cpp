#include "gateway/http/chunk_decoder.hpp"

#include <algorithm>

#include "gateway/http/hex_digit.hpp"

namespace troupe {
namespace {

error bad_chunk(std::string_view what) { return {errc::invalid_argument, "malformed body: " + std::string(what)}; }

bool allowed_in_extension(char c) {
  auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7F) || byte == '\t';
}

}  // namespace

result<size_t> chunk_decoder::decode(std::string_view input, std::string& body) {
  size_t at = 0;
  while (at < input.size() && expected_ != part::done) {
    if (expected_ != part::data) {
      TROUPE_TRY(take(input[at++], body));
      continue;
    }
    auto piece = input.substr(at, left_);
    body += piece;
    at += piece.size();
    left_ -= piece.size();
    if (left_ == 0) expected_ = part::data_cr;
  }
  return at;
}

result<void> chunk_decoder::add_digit(char c) {
  constexpr uint64_t digit_fits = uint64_t{1} << 60;
  auto digit = hex_digit(c);
  if (!digit) return bad_chunk("a chunk's size is no hexadecimal number");
  left_ = left_ < digit_fits ? left_ * 16 + *digit : UINT64_MAX;
  return {};
}

result<void> chunk_decoder::take(char c, const std::string& body) {
  if (expected_ == part::first_digit) {
    line_bytes_ = 0;
    left_ = 0;
  }
  if (++line_bytes_ > line_bytes_max_) return bad_chunk("a chunk's head is too long");
  switch (expected_) {
    case part::first_digit: expected_ = part::size; return add_digit(c);
    case part::size:
      if (c != ';' && c != '\r') return add_digit(c);
      expected_ = c == ';' ? part::extension : part::size_lf;
      return {};
    case part::extension:
      if (c == '\r') {
        expected_ = part::size_lf;
      } else if (!allowed_in_extension(c)) {
        return bad_chunk("a chunk's extension has a byte that is not allowed in it");
      }
      return {};
    case part::size_lf:
      if (c != '\n') return bad_chunk("a chunk's head has a CR without LF");
      if (left_ > body_bytes_max_ - body.size()) {
        return {errc::payload_too_large,
                "the body has more than the " + std::to_string(body_bytes_max_) + " bytes that are accepted"};
      }
      expected_ = left_ == 0 ? part::end_cr : part::data;
      return {};
    case part::data_cr:
      if (c != '\r') return bad_chunk("a chunk's data does not end with CR LF");
      expected_ = part::data_lf;
      return {};
    case part::data_lf:
      if (c != '\n') return bad_chunk("a chunk's data does not end with CR LF");
      expected_ = part::first_digit;
      return {};
    case part::end_cr:
      if (c != '\r') return bad_chunk("trailers are not accepted");
      expected_ = part::end_lf;
      return {};
    case part::end_lf:
      if (c != '\n') return bad_chunk("the last chunk does not end with CR LF");
      expected_ = part::done;
      return {};
    case part::data:
    case part::done: break;
  }
  return bad_chunk("it goes on behind its end");  // decode() does not ask for it.
}

}  // namespace troupe

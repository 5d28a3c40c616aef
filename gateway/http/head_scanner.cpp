#include "gateway/http/head_scanner.hpp"

namespace troupe {
namespace {

bool allowed_in_request_line(char c) { return c >= 0x20 && c < 0x7F; }

// Bytes above 0x7F are RFC 9110's obs-text: opaque, and legal in a field's value.
bool allowed_in_field(char c) {
  auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7F) || byte == '\t';
}

}  // namespace

error head_scanner::too_large() const {
  return {errc::header_too_large, "the header is larger than " + std::to_string(bytes_max_) + " bytes"};
}

result<size_t> head_scanner::scan(std::string_view input) {
  for (; at_ < input.size(); ++at_) {
    if (at_ >= bytes_max_) return too_large();
    char c = input[at_];
    if (c == '\n') return {errc::invalid_argument, "a line of the header ends with LF instead of CR LF"};
    if (c != '\r') {
      bool in_request_line = lines_ == 0;
      if (!(in_request_line ? allowed_in_request_line(c) : allowed_in_field(c))) {
        return {errc::invalid_argument, "the header has a byte that is not allowed in it"};
      }
      if (!in_request_line && at_ == line_start_ && (c == ' ' || c == '\t')) {
        return {errc::invalid_argument, "the header has a folded line"};
      }
      continue;
    }
    if (at_ + 1 == input.size()) return size_t{0};  // The next byte decides.
    if (input[at_ + 1] != '\n') return {errc::invalid_argument, "the header has a CR without LF"};
    if (at_ + 2 > bytes_max_) return too_large();
    if (at_ == line_start_) {
      if (lines_ == 0) return {errc::invalid_argument, "the request begins with an empty line"};
      return at_ + 2;
    }
    if (lines_ > fields_max_) {
      return {errc::header_too_large, "the header has more than " + std::to_string(fields_max_) + " fields"};
    }
    ++lines_;
    ++at_;
    line_start_ = at_ + 1;
  }
  return size_t{0};
}

}  // namespace troupe

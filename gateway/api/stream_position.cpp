#include "gateway/api/stream_position.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace troupe {
namespace {

constexpr size_t check_digits = 8;

void append_number(std::string& out, uint64_t value, int base) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr);
}

error not_a_position() {
  return {errc::invalid_argument, "the Last-Event-ID is none that was sent with an event of this stream"};
}

/// Takes a number off the front; only as append_number() writes it.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || (text[0] == '0' && end != text.data() + 1)) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, char what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<uint32_t> take_check(std::string_view& text) {
  if (text.size() < check_digits) return std::nullopt;
  uint32_t value = 0;
  const std::string_view digits = text.substr(0, check_digits);
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  text.remove_prefix(check_digits);
  return value;
}

std::optional<choice_position> take_choice(std::string_view& text) {
  choice_position choice;
  if (take(text, '-')) return choice;
  choice.begun = true;
  const auto bytes = take_number(text);
  if (!bytes || !take(text, '.')) return std::nullopt;
  const auto tokens = take_number(text);
  if (!tokens || !take(text, '.')) return std::nullopt;
  const auto check = take_check(text);
  if (!check) return std::nullopt;
  choice.bytes = *bytes;
  choice.tokens = *tokens;
  choice.check = *check;
  choice.finished = take(text, '!');
  return choice;
}

bool begins_inside_character(std::string_view text) {
  return !text.empty() && (static_cast<unsigned char>(text.front()) & 0xc0U) == 0x80U;
}

}  // namespace

void choice_position::add(std::string_view text, uint64_t more_tokens) {
  begun = true;
  bytes += text.size();
  tokens += more_tokens;
  for (const char byte : text) check = (check ^ static_cast<unsigned char>(byte)) * 0x01000193U;
}

void append_position(std::string& out, const choice_position& choice) {
  if (!choice.begun) {
    out += '-';
    return;
  }
  append_number(out, choice.bytes, 10);
  out += '.';
  append_number(out, choice.tokens, 10);
  out += '.';
  std::string check;
  append_number(check, choice.check, 16);
  out.append(check_digits - check.size(), '0');
  out += check;
  if (choice.finished) out += '!';
}

result<stream_position> parse_stream_position(std::string_view text) {
  stream_position position;
  const auto created = take_number(text);
  if (!created || *created > uint64_t{INT64_MAX}) return not_a_position();
  position.created = static_cast<int64_t>(*created);
  while (take(text, ';')) {
    const auto choice = take_choice(text);
    if (!choice || position.choices.size() == stream_choices_max) return not_a_position();
    position.choices.push_back(*choice);
  }
  if (!text.empty() || position.choices.empty()) return not_a_position();
  return position;
}

result<answer_delta> beyond(const choice_position& sent, choice_position& at, const answer_delta& delta) {
  const error another{
      errc::conflict,
      "the stream cannot go on: what was sent of it is not how the answer begins when it is made again"};
  const auto had = [](uint64_t before, uint64_t until, size_t size) {
    return until > before ? static_cast<size_t>(std::min<uint64_t>(until - before, size)) : size_t{0};
  };
  const size_t bytes = had(at.bytes, sent.bytes, delta.text.size());
  const size_t tokens = had(at.tokens, sent.tokens, delta.logprobs.size());
  if (bytes > 0 || tokens > 0) at.add(std::string_view(delta.text).substr(0, bytes), tokens);
  answer_delta rest = delta;
  rest.text.erase(0, bytes);
  rest.logprobs.erase(rest.logprobs.begin(), rest.logprobs.begin() + static_cast<ptrdiff_t>(tokens));
  if (bytes > 0 && at.bytes == sent.bytes && at.check != sent.check) return another;
  if (bytes > 0 && begins_inside_character(rest.text)) return another;
  if (sent.finished && !rest.text.empty()) return another;
  if (delta.finish == finish_reason::none) return rest;
  if (at.bytes < sent.bytes || at.tokens < sent.tokens) return another;
  if (sent.finished) {
    at.finished = true;
    rest.finish = finish_reason::none;
  }
  return rest;
}

}  // namespace troupe

// A Last-Event-ID, and after a line's end an answer in pieces, each with its length before it. What is read is written
// as it was; and what is given of the answer is what comes after the bytes that the client has, or an error.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "gateway/api/stream_position.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = input.find('\n');
  const std::string_view text = input.substr(0, line);
  const auto position = parse_stream_position(text);
  if (!position) {
    TROUPE_CHECK(position.err().code == errc::invalid_argument);
    return 0;
  }
  std::string written = std::to_string(position->created);
  for (const choice_position& choice : position->choices) {
    written += ';';
    append_position(written, choice);
  }
  TROUPE_CHECK(written == text);

  const choice_position& sent = position->choices.front();
  choice_position at;
  std::string all, given;
  for (input.remove_prefix(std::min(line, input.size() - 1) + 1); !input.empty();) {
    const auto head = static_cast<unsigned char>(input.front());
    answer_delta delta{.choice = 0, .text = std::string(input.substr(1, head & 15U)), .logprobs = {}};
    delta.logprobs.resize(head >> 4U & 3U);
    if ((head & 128U) != 0) delta.finish = finish_reason::stop;
    input.remove_prefix(std::min<size_t>(input.size(), 1 + (head & 15U)));
    const auto rest = beyond(sent, at, delta);
    if (!rest) {
      TROUPE_CHECK(rest.err().code == errc::conflict);
      return 0;
    }
    all += delta.text;
    given += rest->text;
    TROUPE_CHECK(at.bytes <= sent.bytes && at.tokens <= sent.tokens);
    TROUPE_CHECK(given == (sent.bytes < all.size() ? std::string_view(all).substr(sent.bytes) : std::string_view()));
    if (delta.finish != finish_reason::none) return 0;
  }
  return 0;
}

#include "shards/engine/step_message.hpp"

#include <cstring>

namespace troupe {
namespace {

// Words of 32 bits, in the machine's order: number (2), deadline (2), sequences; for each of them first_position,
// wants_logits, wants_hidden, the numbers of tokens and pages; then the tokens and the pages.

void put(std::vector<std::byte>& bytes, const void* data, size_t size) {
  const size_t at = bytes.size();
  bytes.resize(at + size);
  if (size > 0) std::memcpy(bytes.data() + at, data, size);
}

void put_word(std::vector<std::byte>& bytes, uint32_t word) { put(bytes, &word, sizeof(word)); }

void put_two_words(std::vector<std::byte>& bytes, uint64_t value) { put(bytes, &value, sizeof(value)); }

class reader {
 public:
  explicit reader(std::span<const std::byte> bytes) : left_(bytes) {}

  bool take(void* data, size_t size) {
    if (size > left_.size()) return false;
    if (size > 0) std::memcpy(data, left_.data(), size);
    left_ = left_.subspan(size);
    return true;
  }
  bool take_words(std::vector<uint32_t>& words, uint32_t count) {
    if (count > left_.size() / sizeof(uint32_t)) return false;
    words.resize(count);
    return take(words.data(), count * sizeof(uint32_t));
  }
  bool at_end() const { return left_.empty(); }

 private:
  std::span<const std::byte> left_;
};

bool read_sequence(reader& from, sequence_step& sequence) {
  uint32_t tokens = 0;
  uint32_t pages = 0;
  if (!from.take(&sequence.first_position, sizeof(uint32_t)) || !from.take(&sequence.wants_logits, sizeof(uint32_t)) ||
      !from.take(&sequence.wants_hidden, sizeof(uint32_t)) || !from.take(&tokens, sizeof(tokens)) ||
      !from.take(&pages, sizeof(pages)))
    return false;
  return from.take_words(sequence.tokens, tokens) && from.take_words(sequence.pages, pages);
}

}  // namespace

std::vector<std::byte> encode(const step_plan& plan, duration deadline) {
  std::vector<std::byte> bytes;
  put_two_words(bytes, plan.number);
  put_two_words(bytes, static_cast<uint64_t>(deadline.count()));
  put_word(bytes, static_cast<uint32_t>(plan.sequences.size()));
  for (const sequence_step& sequence : plan.sequences) {
    put_word(bytes, sequence.first_position);
    put_word(bytes, sequence.wants_logits);
    put_word(bytes, sequence.wants_hidden);
    put_word(bytes, static_cast<uint32_t>(sequence.tokens.size()));
    put_word(bytes, static_cast<uint32_t>(sequence.pages.size()));
    put(bytes, sequence.tokens.data(), sequence.tokens.size() * sizeof(token_id));
    put(bytes, sequence.pages.data(), sequence.pages.size() * sizeof(uint32_t));
  }
  return bytes;
}

result<step_message> decode_step_message(std::span<const std::byte> bytes) {
  const error damaged{errc::corrupt, "the leader's step message is damaged"};
  reader from(bytes);
  step_message message;
  uint64_t deadline = 0;
  uint32_t sequences = 0;
  if (!from.take(&message.plan.number, sizeof(uint64_t)) || !from.take(&deadline, sizeof(deadline)) ||
      !from.take(&sequences, sizeof(sequences)))
    return damaged;
  if (deadline > static_cast<uint64_t>(duration::max().count())) return damaged;
  message.deadline = duration(static_cast<int64_t>(deadline));
  for (uint32_t i = 0; i < sequences; ++i) {
    sequence_step sequence;
    if (!read_sequence(from, sequence)) return damaged;
    message.plan.sequences.push_back(std::move(sequence));
  }
  if (!from.at_end()) return damaged;
  return message;
}

}  // namespace troupe

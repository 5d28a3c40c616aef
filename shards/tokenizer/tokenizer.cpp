#include "shards/tokenizer/tokenizer.hpp"

#include "base/utf8.hpp"
#include "shards/tokenizer/tokenizer_parts.hpp"

namespace troupe {
namespace {

// One text under way: appends its tokens, part by part.
struct encoding {
  const tokenizer_parts& parts;
  special_tokens special;
  std::vector<token_id> tokens = {};
  bpe_scratch scratch = {};

  // The added tokens that are looked for in the text as it came; what lies between them is normalized.
  result<void> encode(std::string_view text) {
    for (const auto& part : parts.added.split(text, false, special)) {
      if (part.token) {
        tokens.push_back(*part.token);
        continue;
      }
      TROUPE_ASSIGN(std::string normal, parts.normalize.apply(part.text));
      TROUPE_TRY(encode_normalized(normal, part.text.data() == text.data()));
    }
    return {};
  }

  // The added tokens that are looked for in normalized text; what lies between them is split into words.
  result<void> encode_normalized(std::string_view text, bool first) {
    for (const auto& part : parts.added.split(text, true, special)) {
      if (part.token) {
        tokens.push_back(*part.token);
        continue;
      }
      TROUPE_ASSIGN(split_text split,
                    parts.split.apply(std::string(part.text), first && part.text.data() == text.data()));
      for (const auto& word : split.words) {
        parts.model.encode_word(std::string_view(split.text).substr(word.begin, word.end - word.begin), scratch,
                                tokens);
      }
    }
    return {};
  }
};

}  // namespace

tokenizer::tokenizer(std::unique_ptr<const tokenizer_parts> parts) : parts_(std::move(parts)) {}
tokenizer::~tokenizer() = default;

result<std::vector<token_id>> tokenizer::encode(std::string_view text, bool add_special, special_tokens special) const {
  if (text.size() > text_bytes_max) {
    return {errc::invalid_argument, "the text has " + std::to_string(text.size()) + " bytes, at most " +
                                        std::to_string(text_bytes_max) + " are accepted"};
  }
  if (!is_utf8(text)) return {errc::invalid_argument, "the text is not valid UTF-8"};
  encoding e{*parts_, special};
  const auto& around = parts_->around;
  if (add_special) e.tokens = around.before;
  TROUPE_TRY(e.encode(text));
  if (add_special) e.tokens.insert(e.tokens.end(), around.after.begin(), around.after.end());
  return std::move(e.tokens);
}

std::string tokenizer::decode(std::span<const token_id> ids, bool skip_special, decode_from from) const {
  decode_stream stream(parts_->decoder.rules(), from == decode_from::start);
  std::string text;
  for (token_id id : ids) text += parts_->push(stream, id, skip_special);
  return text += stream.finish();
}

std::string_view tokenizer::token_bytes(token_id id) const {
  const auto* entry = parts_->pieces.find(id);
  return entry ? parts_->pieces.text(*entry) : std::string_view();
}

bool tokenizer::contains(token_id id) const { return parts_->pieces.find(id) != nullptr; }

bool tokenizer::is_special(token_id id) const {
  const auto* entry = parts_->pieces.find(id);
  return entry && entry->special;
}

std::optional<token_id> tokenizer::find(std::string_view token) const { return parts_->find(token); }
std::optional<token_id> tokenizer::bos() const { return parts_->bos; }
std::optional<token_id> tokenizer::eos() const { return parts_->eos; }
const std::string& tokenizer::bos_token() const { return parts_->bos_token; }
const std::string& tokenizer::eos_token() const { return parts_->eos_token; }
size_t tokenizer::vocab_size() const { return parts_->pieces.size(); }

struct stream_decoder::state {
  decode_stream stream;
  bool skip_special;
};

stream_decoder::stream_decoder(std::shared_ptr<const tokenizer> tokens, bool skip_special, decode_from from)
    : tokens_(std::move(tokens)),
      state_(new state{decode_stream(tokens_->parts_->decoder.rules(), from == decode_from::start), skip_special}) {}
stream_decoder::stream_decoder(stream_decoder&&) noexcept = default;
stream_decoder& stream_decoder::operator=(stream_decoder&&) noexcept = default;
stream_decoder::~stream_decoder() = default;

std::string stream_decoder::push(token_id id) {
  return tokens_->parts_->push(state_->stream, id, state_->skip_special);
}
std::string stream_decoder::finish() { return state_->stream.finish(); }

}  // namespace troupe

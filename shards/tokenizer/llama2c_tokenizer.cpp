#include "shards/tokenizer/llama2c_tokenizer.hpp"

#include <bit>
#include <boost/json/array.hpp>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/sentence_pieces.hpp"
#include "shards/tokenizer/vocabulary.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr token_id unknown = 0;
constexpr token_id bos = 1;
constexpr token_id first_byte = 3;
constexpr token_id first_text = first_byte + 256;
constexpr size_t token_bytes_max = 1024;

std::string with_marks(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == ' ') {
      out += "\u2581";
    } else {
      out += c;
    }
  }
  return out;
}

/// The first three are control tokens, whatever the file calls them; then come the bytes.
result<std::vector<sentence_piece>> pieces_of(std::span<const scored_token> tokens) {
  if (tokens.size() < first_text) {
    return {errc::corrupt, "a vocabulary of " + std::to_string(tokens.size()) + " tokens lacks the bytes: it needs " +
                               std::to_string(first_text)};
  }
  std::vector<sentence_piece> pieces{{"<unk>", tokens[0].score, piece_kind::unknown},
                                     {"<s>", tokens[1].score, piece_kind::control},
                                     {"</s>", tokens[2].score, piece_kind::control}};
  for (token_id id = first_byte; id < tokens.size(); ++id) {
    const bool is_byte = id < first_text;
    if (is_byte && tokens[id].text != byte_token_name(id - first_byte)) {
      return {errc::corrupt, "token " + std::to_string(id) + " must be the byte " + byte_token_name(id - first_byte)};
    }
    pieces.push_back({with_marks(tokens[id].text), tokens[id].score, is_byte ? piece_kind::byte : piece_kind::normal});
  }
  return pieces;
}

/// llama2.c begins every text with bos.
json::object bos_before_text() {
  json::object bos_item{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  json::object text_item{{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  json::object second_item{{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  return {{"type", "TemplateProcessing"},
          {"single", json::array{bos_item, text_item}},
          {"pair", json::array{bos_item, text_item, second_item}},
          {"special_tokens",
           {{"<s>", {{"id", "<s>"}, {"ids", json::array{int64_t{bos}}}, {"tokens", json::array{"<s>"}}}}}}};
}

}  // namespace

result<json::object> tokenizer_json_from_llama2c(std::span<const std::byte> file, uint32_t vocab_size) {
  size_t at = 0;
  auto read_u32 = [&]() -> result<uint32_t> {
    if (file.size() - at < 4)
      return {errc::corrupt, "tokenizer.bin ends at byte " + std::to_string(at) + ", within a token"};
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value |= std::to_integer<uint32_t>(file[at + i]) << (8 * i);
    at += 4;
    return value;
  };
  TROUPE_ASSIGN(uint32_t longest, read_u32());
  static_cast<void>(longest);  // sizes a buffer in llama2.c
  std::vector<scored_token> tokens;
  for (uint32_t id = 0; id < vocab_size; ++id) {
    TROUPE_ASSIGN(uint32_t score, read_u32());
    TROUPE_ASSIGN(uint32_t length, read_u32());
    if (length > token_bytes_max) {
      return {errc::corrupt, "tokenizer.bin: token " + std::to_string(id) + " is longer than " +
                                 std::to_string(token_bytes_max) + " bytes"};
    }
    if (file.size() - at < length) {
      return {errc::corrupt,
              "tokenizer.bin ends within token " + std::to_string(id) + " of " + std::to_string(vocab_size)};
    }
    std::string text(length, '\0');
    if (length > 0) std::memcpy(text.data(), file.data() + at, length);
    at += length;
    tokens.push_back({std::move(text), std::bit_cast<float>(score)});
  }
  if (at != file.size()) {
    return {errc::corrupt, "tokenizer.bin goes on after its " + std::to_string(vocab_size) +
                               " tokens: the vocabulary has another size"};
  }
  auto made = tokenizer_json_from_scores(tokens);
  if (!made) return with_context(in_one_line(std::move(made).err()), "tokenizer.bin");
  return made;
}

result<json::object> tokenizer_json_from_scores(std::span<const scored_token> tokens) {
  TROUPE_ASSIGN(const auto pieces, pieces_of(tokens));
  TROUPE_ASSIGN(auto file, tokenizer_json_from_pieces(pieces, {.unknown = unknown}));
  file["post_processor"] = bos_before_text();
  return file;
}

}  // namespace troupe

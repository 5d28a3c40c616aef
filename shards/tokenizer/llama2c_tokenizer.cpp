#include "shards/tokenizer/llama2c_tokenizer.hpp"

#include <algorithm>
#include <bit>
#include <boost/json/array.hpp>
#include <cmath>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/utf8.hpp"
#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/vocabulary.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

constexpr token_id unknown = 0;
constexpr token_id bos = 1;
constexpr token_id eos = 2;
constexpr token_id first_byte = 3;
constexpr token_id first_text = first_byte + 256;
constexpr size_t token_bytes_max = 1024;
// run.c, encode: a pair must beat this score to merge at all.
constexpr float score_min = -1e10F;

struct ranked_merge {
  float score;
  size_t length;  // of what it makes
  size_t left_length;
  token_id token;
  std::string text;  // "left right"
};

// Equal scores: llama2.c takes the leftmost pair, wherever it is, which no order of pairs can say. It matters where a
// text can be cut in several ways into the same tokens, that is in runs of one character, which Llama 2 has for spaces,
// all with one score: there the leftmost pair makes the run that began first grow until it is longest, and so does this
// order.
bool merges_earlier(const ranked_merge& a, const ranked_merge& b) {
  if (a.score != b.score) return a.score > b.score;
  if (a.length != b.length) return a.length > b.length;
  if (a.token != b.token) return a.token < b.token;
  return a.left_length > b.left_length;
}

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

std::string text_of(std::span<const scored_token> tokens, token_id id) {
  static constexpr const char* control[] = {"<unk>", "<s>", "</s>"};
  return id < first_byte ? control[id] : with_marks(tokens[id].text);
}

result<vocabulary> read_vocabulary(std::span<const scored_token> tokens) {
  if (tokens.size() < first_text) {
    return {errc::corrupt, "a vocabulary of " + std::to_string(tokens.size()) + " tokens lacks the bytes: it needs " +
                               std::to_string(first_text)};
  }
  vocabulary all;
  for (token_id id = 0; id < tokens.size(); ++id) {
    std::string name = "token " + std::to_string(id);
    std::string text = text_of(tokens, id);
    if (text.empty()) return {errc::corrupt, name + " is empty"};
    if (std::isnan(tokens[id].score)) return {errc::corrupt, name + " has no score"};
    if (id >= first_byte && id < first_text) {
      static constexpr char digits[] = "0123456789ABCDEF";
      unsigned byte = id - first_byte;
      std::string expected = std::string("<0x") + digits[byte >> 4] + digits[byte & 15] + ">";
      if (text != expected) return {errc::corrupt, name + " must be the byte " + expected};
    }
    auto added = all.add(std::move(text), id);
    if (!added) return added.err();
  }
  return all;
}

std::vector<ranked_merge> merges_of(std::span<const scored_token> tokens, const vocabulary& all) {
  std::vector<ranked_merge> merges;
  for (token_id id = first_text; id < tokens.size(); ++id) {
    if (!(tokens[id].score > score_min)) continue;
    std::string_view text = *all.text(id);
    for (size_t at = utf8_length(text); at < text.size(); at += utf8_length(text.substr(at))) {
      auto left = all.find(text.substr(0, at));
      auto right = all.find(text.substr(at));
      if (!left || !right || *left < first_text || *right < first_text) continue;
      std::string pair(text.substr(0, at));
      pair.append(" ").append(text.substr(at));
      merges.push_back({tokens[id].score, text.size(), at, id, std::move(pair)});
    }
  }
  std::sort(merges.begin(), merges.end(), merges_earlier);
  return merges;
}

json::object pattern(std::string_view text) { return {{"String", text}}; }

json::array control_tokens() {
  json::array list;
  int64_t id = unknown;
  for (std::string_view content : {"<unk>", "<s>", "</s>"}) {
    list.push_back({{"id", id++},
                    {"content", content},
                    {"single_word", false},
                    {"lstrip", false},
                    {"rstrip", false},
                    {"normalized", false},
                    {"special", true}});
  }
  return list;
}

// What stands around the vocabulary is the same for every SentencePiece tokenizer of this kind.
json::object file_around(json::object model) {
  json::object mark_spaces{{"type", "Replace"}, {"pattern", pattern(" ")}, {"content", "\u2581"}};
  json::object unmark_spaces{{"type", "Replace"}, {"pattern", pattern("\u2581")}, {"content", " "}};
  json::object bos_item{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  json::object text_item{{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  json::object second_item{{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  json::object strip{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}};
  return {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", control_tokens()},
      {"normalizer",
       {{"type", "Sequence"}, {"normalizers", json::array{{{"type", "Prepend"}, {"prepend", "\u2581"}}, mark_spaces}}}},
      {"pre_tokenizer", nullptr},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", json::array{bos_item, text_item}},
        {"pair", json::array{bos_item, text_item, second_item}},
        {"special_tokens",
         {{"<s>", {{"id", "<s>"}, {"ids", json::array{int64_t{bos}}}, {"tokens", json::array{"<s>"}}}}}}}},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders", json::array{unmark_spaces, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}, strip}}}},
      {"model", std::move(model)},
  };
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
  TROUPE_ASSIGN(vocabulary all, read_vocabulary(tokens));
  json::object vocab;
  vocab.reserve(tokens.size());
  for (token_id id = 0; id < tokens.size(); ++id) vocab.emplace(*all.text(id), int64_t{id});
  json::array merges;
  for (const auto& m : merges_of(tokens, all)) merges.emplace_back(m.text);
  return file_around({{"type", "BPE"},
                      {"dropout", nullptr},
                      {"unk_token", "<unk>"},
                      {"continuing_subword_prefix", nullptr},
                      {"end_of_word_suffix", nullptr},
                      {"fuse_unk", true},
                      {"byte_fallback", true},
                      {"ignore_merges", false},
                      {"vocab", std::move(vocab)},
                      {"merges", std::move(merges)}});
}

}  // namespace troupe

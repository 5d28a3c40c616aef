#include "shards/tokenizer/sentence_pieces.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/utf8.hpp"
#include "shards/tokenizer/vocabulary.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

// llama2.c's run.c, encode: a pair must beat this score to merge at all. No real score comes near it.
constexpr float score_min = -1e10F;

struct ranked_merge {
  float score;
  size_t length;  // of what it makes
  size_t left_length;
  token_id token;
};

// Equal scores: SentencePiece takes the leftmost pair, wherever it is, which no order of pairs can say. It matters
// where a text can be cut in several ways into the same tokens, that is in runs of one character, which Llama 2 has for
// spaces, all with one score: there the leftmost pair makes the run that began first grow until it is longest, and so
// does this order.
bool merges_earlier(const ranked_merge& a, const ranked_merge& b) {
  if (a.score != b.score) return a.score > b.score;
  if (a.length != b.length) return a.length > b.length;
  if (a.token != b.token) return a.token < b.token;
  return a.left_length > b.left_length;
}

bool merges(piece_kind kind) { return kind == piece_kind::normal || kind == piece_kind::user_defined; }

bool is_byte_name(std::string_view text) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (text == byte_token_name(byte)) return true;
  }
  return false;
}

result<vocabulary> read_vocabulary(std::span<const sentence_piece> pieces) {
  vocabulary all;
  for (token_id id = 0; id < pieces.size(); ++id) {
    const sentence_piece& piece = pieces[id];
    if (piece.kind == piece_kind::unused) continue;
    const std::string name = "token " + std::to_string(id);
    if (piece.text.empty()) return {errc::corrupt, name + " is empty"};
    if (std::isnan(piece.score)) return {errc::corrupt, name + " has no score"};
    if (piece.kind == piece_kind::byte && !is_byte_name(piece.text))
      return {errc::corrupt, name + " must be a byte such as <0x0A>, but is \"" + piece.text.substr(0, 100) + "\""};
    TROUPE_TRY(all.add(piece.text, id));
  }
  return all;
}

/// Every way to make a piece from two others, the earliest first.
std::vector<ranked_merge> merges_of(std::span<const sentence_piece> pieces, const vocabulary& all) {
  std::vector<ranked_merge> out;
  const auto part = [&](std::string_view text) {
    auto id = all.find(text);
    return id && merges(pieces[*id].kind);
  };
  for (token_id id = 0; id < pieces.size(); ++id) {
    const sentence_piece& piece = pieces[id];
    if (!merges(piece.kind) || !(piece.score > score_min)) continue;
    const std::string_view text = piece.text;
    // Spaces are marks by now: a piece that has one is never met.
    if (text.find(' ') != std::string_view::npos) continue;
    for (size_t at = utf8_length(text); at < text.size(); at += utf8_length(text.substr(at))) {
      if (part(text.substr(0, at)) && part(text.substr(at))) out.push_back({piece.score, text.size(), at, id});
    }
  }
  std::ranges::sort(out, merges_earlier);
  return out;
}

json::object pattern(std::string_view text) { return {{"String", text}}; }

/// What stands around the vocabulary is the same for all of them.
json::object file_around(json::object model, json::array added, bool space_before_text) {
  json::object mark_spaces{{"type", "Replace"}, {"pattern", pattern(" ")}, {"content", "\u2581"}};
  json::object unmark_spaces{{"type", "Replace"}, {"pattern", pattern("\u2581")}, {"content", " "}};
  json::array normalizers, decoders{unmark_spaces, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (space_before_text) {
    normalizers.push_back({{"type", "Prepend"}, {"prepend", "\u2581"}});
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  normalizers.push_back(mark_spaces);
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", {{"type", "Sequence"}, {"normalizers", std::move(normalizers)}}},
          {"pre_tokenizer", nullptr},
          {"post_processor", nullptr},
          {"decoder", {{"type", "Sequence"}, {"decoders", std::move(decoders)}}},
          {"model", std::move(model)}};
}

}  // namespace

std::optional<piece_kind> piece_kind_of(int64_t number) {
  if (number < static_cast<int64_t>(piece_kind::normal) || number > static_cast<int64_t>(piece_kind::byte))
    return std::nullopt;
  return static_cast<piece_kind>(number);
}

json::object added_token_json(token_id id, std::string_view content, bool special) {
  return {{"id", int64_t{id}}, {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false},   {"normalized", false}, {"special", special}};
}

result<json::object> tokenizer_json_from_pieces(std::span<const sentence_piece> pieces,
                                                const sentence_piece_rules& rules) {
  TROUPE_ASSIGN(const vocabulary all, read_vocabulary(pieces));
  json::object vocab;
  vocab.reserve(pieces.size());
  json::array added;
  bool byte_fallback = false;
  for (token_id id = 0; id < pieces.size(); ++id) {
    const sentence_piece& piece = pieces[id];
    if (piece.kind == piece_kind::unused) continue;
    vocab.emplace(piece.text, int64_t{id});
    byte_fallback = byte_fallback || piece.kind == piece_kind::byte;
    const bool special = piece.kind == piece_kind::control || piece.kind == piece_kind::unknown;
    if (special || piece.kind == piece_kind::user_defined) added.push_back(added_token_json(id, piece.text, special));
  }
  json::array list;
  for (const ranked_merge& merge : merges_of(pieces, all)) {
    const std::string& text = pieces[merge.token].text;
    list.emplace_back(text.substr(0, merge.left_length) + " " + text.substr(merge.left_length));
  }
  json::value unknown;
  if (rules.unknown && *rules.unknown < pieces.size()) unknown = pieces[*rules.unknown].text;
  return file_around({{"type", "BPE"},
                      {"dropout", nullptr},
                      {"unk_token", std::move(unknown)},
                      {"continuing_subword_prefix", nullptr},
                      {"end_of_word_suffix", nullptr},
                      {"fuse_unk", true},
                      {"byte_fallback", byte_fallback},
                      {"ignore_merges", false},
                      {"vocab", std::move(vocab)},
                      {"merges", std::move(list)}},
                     std::move(added), rules.space_before_text);
}

}  // namespace troupe

#include "shards/tokenizer/bpe_model.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "base/utf8.hpp"
#include "shards/tokenizer/component.hpp"

namespace troupe {
namespace {

constexpr uint32_t nowhere = UINT32_MAX;

// Of equal ranks the leftmost pair merges first. (The heap's algorithms keep the greatest in front.)
bool later(const bpe_scratch::candidate& a, const bpe_scratch::candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
}

// The two halves of a merge: "a b", or ["a", "b"] where a half may contain spaces.
result<std::pair<std::string_view, std::string_view>> halves(const boost::json::value& value) {
  using pair = std::pair<std::string_view, std::string_view>;
  if (value.is_string()) {
    std::string_view text = value.get_string();
    size_t space = text.find(' ');
    if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos) {
      return pair(text.substr(0, space), text.substr(space + 1));
    }
  } else if (value.is_array()) {
    const auto& list = value.get_array();
    if (list.size() == 2 && list[0].is_string() && list[1].is_string())
      return pair(list[0].get_string(), list[1].get_string());
  }
  return {errc::corrupt, "must be two tokens, \"a b\" or [\"a\", \"b\"]"};
}

}  // namespace

result<bpe_model> bpe_model::parse(const boost::json::object& model,
                                   const std::unordered_set<std::string>& control_tokens) {
  json_reader reader(model, "model");
  // Files from before other models existed do not say BPE.
  TROUPE_ASSIGN(std::string type, reader.string("type", "BPE"));
  if (type != "BPE") return {errc::not_supported, "model type \"" + type + "\" is not supported (only BPE is)"};
  TROUPE_TRY(allow_only(model, "model",
                        {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                         "byte_fallback", "ignore_merges", "vocab", "merges"}));
  TROUPE_ASSIGN(double dropout, reader.number("dropout", 0));
  if (dropout != 0)
    return {errc::not_supported, "model.dropout other than 0 is not supported: encoding would be random"};
  for (std::string_view affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    TROUPE_ASSIGN(std::string text, reader.string(affix, ""));
    if (!text.empty())
      return {errc::not_supported, "model." + std::string(affix) + " \"" + text + "\" is not supported"};
  }

  bpe_model m;
  TROUPE_ASSIGN(m.fuse_unknown_, reader.boolean("fuse_unk", false));
  TROUPE_ASSIGN(m.byte_fallback_, reader.boolean("byte_fallback", false));
  TROUPE_ASSIGN(m.ignore_merges_, reader.boolean("ignore_merges", false));
  TROUPE_TRY(m.read_vocabulary(model, control_tokens));
  TROUPE_TRY(m.read_merges(model));
  if (reader.has("unk_token")) {
    TROUPE_ASSIGN(std::string text, reader.string("unk_token", ""));
    auto id = m.tokens_.find(text);
    if (!id) return {errc::corrupt, "model.unk_token \"" + text + "\" is not in the vocabulary"};
    m.unknown_ = *id;
  }
  for (unsigned b = 0; b < 256; ++b) m.byte_tokens_[b] = m.tokens_.find(byte_token_name(b)).value_or(no_token);
  return m;
}

result<void> bpe_model::read_vocabulary(const boost::json::object& model,
                                        const std::unordered_set<std::string>& control_tokens) {
  TROUPE_ASSIGN(const boost::json::object* vocab, json_reader(model, "model").object("vocab"));
  if (!vocab) return {errc::corrupt, "model.vocab is missing"};
  for (const auto& entry : *vocab) {
    auto id = json_integer(entry.value());
    if (!id || *id < 0 || *id >= token_ids_max) {
      return {errc::corrupt, "model.vocab: the id of \"" + std::string(entry.key().substr(0, 100)) +
                                 "\" must be a whole number from 0 to " + std::to_string(token_ids_max - 1)};
    }
    auto added = tokens_.add(std::string(entry.key()), static_cast<token_id>(*id));
    if (!added) return with_context(added.err(), "model.vocab");
  }
  control_.resize(tokens_.id_limit());
  for (const auto& text : control_tokens) {
    if (auto id = tokens_.find(text)) control_[*id] = true;
  }
  return {};
}

result<void> bpe_model::read_merges(const boost::json::object& model) {
  TROUPE_ASSIGN(const boost::json::array* merges, json_reader(model, "model").array("merges"));
  if (!merges) return {errc::corrupt, "model.merges is missing"};
  // A rank is 32 bits; a file within file_json_limits is far below.
  merges_ = merge_table(merges->size());
  std::string joined;
  for (size_t rank = 0; rank < merges->size(); ++rank) {
    auto wrong = [&](const std::string& why) {
      return error{errc::corrupt, "model.merges[" + std::to_string(rank) + "] " + why};
    };
    auto pair = halves((*merges)[rank]);
    if (!pair) return wrong(pair.err().detail);
    auto [left, right] = *pair;
    joined.assign(left).append(right);
    token_id ids[3];
    size_t i = 0;
    for (std::string_view text : {left, right, std::string_view(joined)}) {
      auto id = tokens_.find(text);
      if (!id) return wrong("names \"" + std::string(text.substr(0, 100)) + "\", which is not in the vocabulary");
      ids[i++] = *id;
    }
    if (!control_[ids[2]]) merges_.put(ids[0], ids[1], {static_cast<uint32_t>(rank), ids[2]});
  }
  return {};
}

token_id bpe_model::find_plain(std::string_view text) const {
  auto id = tokens_.find(text);
  return id && !control_[*id] ? *id : no_token;
}

void bpe_model::encode_word(std::string_view word, bpe_scratch& scratch, std::vector<token_id>& out) const {
  if (ignore_merges_) {
    if (token_id whole = find_plain(word); whole != no_token) {
      out.push_back(whole);
      return;
    }
  }
  cut_into_symbols(word, scratch);
  if (scratch.symbols.empty()) return;
  merge_symbols(scratch);
  // The first symbol is never merged into one before it.
  for (uint32_t at = 0; at != nowhere; at = scratch.symbols[at].next) out.push_back(scratch.symbols[at].id);
}

void bpe_model::cut_into_symbols(std::string_view word, bpe_scratch& scratch) const {
  auto& symbols = scratch.symbols;
  symbols.clear();
  bool after_unknown = false;
  for (size_t at = 0; at < word.size();) {
    size_t begin = at;
    utf8_decode(word, at);
    auto character = word.substr(begin, at - begin);
    bool unknown = false;
    if (token_id id = find_plain(character); id != no_token) {
      symbols.push_back({id, 0, 0});
    } else if (!(byte_fallback_ && append_bytes(character, scratch)) && unknown_ != no_token) {
      unknown = true;
      if (!(after_unknown && fuse_unknown_)) symbols.push_back({unknown_, 0, 0});
    }
    after_unknown = unknown;
  }
  for (size_t i = 0; i < symbols.size(); ++i) {
    symbols[i].previous = i == 0 ? nowhere : static_cast<uint32_t>(i - 1);
    symbols[i].next = i + 1 == symbols.size() ? nowhere : static_cast<uint32_t>(i + 1);
  }
}

bool bpe_model::append_bytes(std::string_view character, bpe_scratch& scratch) const {
  auto token = [&](char c) { return byte_tokens_[static_cast<unsigned char>(c)]; };
  if (std::any_of(character.begin(), character.end(), [&](char c) { return token(c) == no_token; })) return false;
  for (char c : character) scratch.symbols.push_back({token(c), 0, 0});
  return true;
}

void bpe_model::merge_symbols(bpe_scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  heap.clear();
  auto consider = [&](uint32_t at) {
    if (at == nowhere || symbols[at].next == nowhere) return false;
    const merge* m = merges_.find(symbols[at].id, symbols[symbols[at].next].id);
    if (m) heap.push_back({m->rank, at, m->token});
    return m != nullptr;
  };
  auto consider_later = [&](uint32_t at) {
    if (consider(at)) std::push_heap(heap.begin(), heap.end(), later);
  };
  for (uint32_t at = 0; at < symbols.size(); ++at) consider(at);
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    auto best = heap.back();
    heap.pop_back();
    auto& left = symbols[best.at];
    // The candidate is stale when one of its two has merged since: then they are gone, or no longer give this token.
    if (left.id == no_token || left.next == nowhere) continue;
    auto& right = symbols[left.next];
    const merge* m = merges_.find(left.id, right.id);
    if (!m || m->token != best.token) continue;
    left.id = best.token;
    right.id = no_token;
    left.next = right.next;
    if (left.next != nowhere) symbols[left.next].previous = best.at;
    consider_later(left.previous);
    consider_later(best.at);
  }
}

}  // namespace troupe

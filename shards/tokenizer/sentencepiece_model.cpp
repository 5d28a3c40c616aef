#include "shards/tokenizer/sentencepiece_model.hpp"

#include <bit>
#include <cstdint>
#include <functional>
#include <vector>

#include "shards/tokenizer/component.hpp"
#include "shards/tokenizer/sentence_pieces.hpp"
#include "shards/tokenizer/vocabulary.hpp"

namespace troupe {
namespace {

constexpr uint64_t bpe = 2;  // TrainerSpec.ModelType

error damaged(std::string what) { return {errc::corrupt, "not a SentencePiece model: " + std::move(what)}; }

/// One field of a message: a number (of 1 to 8 bytes, signs apart) or bytes.
struct field {
  uint64_t number = 0;
  uint64_t value = 0;
  std::string_view bytes = {};
  bool has_bytes = false;
};

/// Protocol Buffers' encoding (protobuf.dev, "Encoding"), without groups.
class message_reader {
 public:
  explicit message_reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }

  result<field> next() {
    TROUPE_ASSIGN(const uint64_t tag, varint());
    field out{.number = tag >> 3};
    switch (tag & 7U) {
      case 0: {
        TROUPE_ASSIGN(out.value, varint());
        return out;
      }
      case 1: return fixed(out, 8);
      case 5: return fixed(out, 4);
      case 2: {
        TROUPE_ASSIGN(const uint64_t size, varint());
        TROUPE_ASSIGN(out.bytes, take(size));
        out.has_bytes = true;
        return out;
      }
      default: return damaged("a field has the wire type " + std::to_string(tag & 7U));
    }
  }

 private:
  result<std::string_view> take(uint64_t size) {
    if (size > text_.size() - at_) return damaged("it ends within a field");
    const auto taken = text_.substr(at_, size);
    at_ += size;
    return taken;
  }

  result<field> fixed(field out, uint64_t size) {
    TROUPE_ASSIGN(const auto bytes, take(size));
    for (size_t i = size; i > 0; --i) out.value = out.value << 8 | static_cast<uint8_t>(bytes[i - 1]);
    return out;
  }

  result<uint64_t> varint() {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
      TROUPE_ASSIGN(const auto byte, take(1));
      const auto bits = static_cast<uint8_t>(byte[0]);
      value |= uint64_t{bits & 0x7FU} << shift;
      if ((bits & 0x80U) == 0) return value;
    }
    return damaged("a number has more than ten bytes");
  }

  std::string_view text_;
  size_t at_ = 0;
};

result<void> for_each_field(std::string_view message, const std::function<result<void>(const field&)>& each) {
  for (message_reader in(message); !in.at_end();) {
    TROUPE_ASSIGN(const field f, in.next());
    TROUPE_TRY(each(f));
  }
  return {};
}

/// What the file says, as far as it decides tokens.
struct contents {
  std::vector<sentence_piece> pieces;
  uint64_t kind = 1;  // Unigram
  int64_t unknown = 0, bos = 1, eos = 2;
  bool space_before_text = true, drops_white_space = true, marks_spaces = true, space_after_words = false;
  bool maps_characters = false;
};

result<void> read_piece(std::string_view message, contents& out) {
  sentence_piece piece;
  uint64_t kind = 1;
  TROUPE_TRY(for_each_field(message, [&](const field& f) -> result<void> {
    if (f.number == 1) piece.text = f.bytes;
    if (f.number == 2) piece.score = std::bit_cast<float>(static_cast<uint32_t>(f.value));
    if (f.number == 3) kind = f.value;
    return {};
  }));
  const auto known = kind <= 6 ? piece_kind_of(static_cast<int64_t>(kind)) : std::nullopt;
  if (!known) return damaged("piece " + std::to_string(out.pieces.size()) + " is of an unknown kind");
  piece.kind = *known;
  if (out.pieces.size() == token_ids_max)
    return damaged("it has more than " + std::to_string(token_ids_max) + " pieces");
  out.pieces.push_back(std::move(piece));
  return {};
}

result<void> read_trainer(std::string_view message, contents& out) {
  return for_each_field(message, [&](const field& f) -> result<void> {
    switch (f.number) {
      case 3: out.kind = f.value; break;
      case 24: out.space_after_words = f.value != 0; break;
      case 40: out.unknown = static_cast<int32_t>(f.value); break;
      case 41: out.bos = static_cast<int32_t>(f.value); break;
      case 42: out.eos = static_cast<int32_t>(f.value); break;
      default: break;
    }
    return {};
  });
}

result<void> read_normalizer(std::string_view message, contents& out) {
  return for_each_field(message, [&](const field& f) -> result<void> {
    switch (f.number) {
      case 2: out.maps_characters = !f.bytes.empty(); break;
      case 3: out.space_before_text = f.value != 0; break;
      case 4: out.drops_white_space = f.value != 0; break;
      case 5: out.marks_spaces = f.value != 0; break;
      default: break;
    }
    return {};
  });
}

result<void> check_supported(const contents& model) {
  const auto refused = [](std::string_view what) {
    return error{errc::not_supported, "a SentencePiece model " + std::string(what) + " is not supported"};
  };
  if (model.kind != bpe) return refused("of another kind than BPE");
  if (model.maps_characters) return refused("that maps characters to others (precompiled_charsmap)");
  if (model.drops_white_space) return refused("that drops white space (remove_extra_whitespaces)");
  if (!model.marks_spaces || model.space_after_words) return refused("that does not mark spaces before words");
  return {};
}

}  // namespace

result<sentencepiece_model> parse_sentencepiece_model(std::span<const std::byte> file) {
  contents model;
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  TROUPE_TRY(for_each_field(text, [&](const field& f) -> result<void> {
    if (f.number <= 3 && !f.has_bytes) return damaged("a part of it is no message");
    if (f.number == 1) return read_piece(f.bytes, model);
    if (f.number == 2) return read_trainer(f.bytes, model);
    if (f.number == 3) return read_normalizer(f.bytes, model);
    return {};
  }));
  if (model.pieces.empty()) return damaged("it has no pieces");
  TROUPE_TRY(check_supported(model));

  const auto has = [&](int64_t id) { return id >= 0 && static_cast<uint64_t>(id) < model.pieces.size(); };
  sentence_piece_rules rules{.space_before_text = model.space_before_text};
  if (has(model.unknown)) rules.unknown = static_cast<token_id>(model.unknown);
  sentencepiece_model out;
  auto made = tokenizer_json_from_pieces(model.pieces, rules);
  if (!made) return in_one_line(std::move(made).err());
  out.tokenizer_json = std::move(*made);
  if (has(model.bos)) out.bos_token = model.pieces[static_cast<size_t>(model.bos)].text;
  if (has(model.eos)) out.eos_token = model.pieces[static_cast<size_t>(model.eos)].text;
  return out;
}

}  // namespace troupe

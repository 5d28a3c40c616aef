// Text to tokens and back, exactly as a model's own tokenizer.json says: byte-level BPE (GPT-2, Llama 3, Qwen) and
// SentencePiece-style BPE (Llama 2). What the file asks for and this code cannot do is refused when it is loaded, by
// name: a tokenizer that is nearly right makes a model that is subtly wrong. The file's "truncation" and "padding" are
// for training batches and say nothing about a request; they are the two parts without effect here.
//
// stream_decoder turns tokens into text one at a time, without ever giving out half a character.
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

struct tokenizer_parts;

/// A token that tokenizer_config.json adds to, or redefines from, tokenizer.json.
struct added_token {
  token_id id = 0;
  std::string content;
  /// A control token: skipped by decode(.., skip_special), and never made from text where special_tokens::as_text.
  bool special = false;
  /// Whether white space at its left and right belongs to it when it is found in text.
  bool lstrip = false;
  bool rstrip = false;
  /// Found only where no letter or digit touches it.
  bool single_word = false;
  /// Looked for after the normalizer has run, not before.
  bool normalized = false;
};

/// What the files beside tokenizer.json say.
struct tokenizer_options {
  /// The texts of these tokens; empty: the model has none.
  std::string bos_token;
  std::string eos_token;
  /// Whether encode(.., add_special) puts bos first and eos last. Without a value, tokenizer.json's post_processor
  /// decides.
  std::optional<bool> add_bos;
  std::optional<bool> add_eos;
  std::vector<added_token> added_tokens;
};

/// What encode() does with the text of a control token ("<|im_end|>") inside the text.
enum class special_tokens : uint8_t {
  /// It becomes the token: for what a chat template rendered, and for plain completions, as the HF library does.
  parsed,
  /// It is text like any other: for words of a user that must not be able to end a turn.
  as_text
};

/// Where in a stream the first token given to a decoder stands.
enum class decode_from : uint8_t {
  /// At the start of the text: SentencePiece's leading space is dropped.
  start,
  /// After other tokens, such as a prompt's: the first token keeps its leading space.
  middle
};

/// Immutable; any thread.
class tokenizer {
 public:
  /// The longest text that encode() takes, in bytes.
  static constexpr size_t text_bytes_max = 8 << 20;

  /// Reads tokenizer.json and, where they exist, tokenizer_config.json and special_tokens_map.json; tokenizer.model
  /// where there is no tokenizer.json; or the tokenizer of a GGUF file (shards/model/gguf_file.hpp has what
  /// `model_folder` may be). Errors: io_failed, corrupt, not_supported; they name the file and the part of it.
  static result<std::shared_ptr<const tokenizer>> load(const std::string& model_folder);

  /// `tokenizer_json`: the parsed file. Errors: corrupt, not_supported.
  static result<std::shared_ptr<const tokenizer>> parse(const boost::json::value& tokenizer_json,
                                                        const tokenizer_options& options = {});

  explicit tokenizer(std::unique_ptr<const tokenizer_parts> parts);
  ~tokenizer();

  /// The tokens of `text` (valid UTF-8). `add_special`: with bos, eos and what else the model's template puts around
  /// it. Characters that the vocabulary cannot express become its unk token, or nothing where it has none. Takes O(n
  /// log n). Errors: invalid_argument (not UTF-8, too long, too hard for the model's pattern).
  result<std::vector<token_id>> encode(std::string_view text, bool add_special,
                                       special_tokens special = special_tokens::parsed) const;

  /// The text of `ids`, valid UTF-8: bytes that form no character become U+FFFD. Ids without a token give nothing.
  /// Spaces before punctuation stay ("clean_up_tokenization_spaces" is not done: a stream could not be cleaned up).
  std::string decode(std::span<const token_id> ids, bool skip_special, decode_from from = decode_from::start) const;

  /// The bytes of one token as they stand in the middle of a text, perhaps part of a character; empty where there is no
  /// such token. Valid as long as the tokenizer.
  std::string_view token_bytes(token_id id) const;

  /// Whether there is a token of this id.
  bool contains(token_id id) const;
  bool is_special(token_id id) const;
  /// The id of a token as tokenizer.json writes it ("Ġthe", "<|im_end|>").
  std::optional<token_id> find(std::string_view token) const;

  std::optional<token_id> bos() const;
  std::optional<token_id> eos() const;
  /// What chat templates call bos_token and eos_token; empty where the model has none.
  const std::string& bos_token() const;
  const std::string& eos_token() const;

  /// One more than the highest id. A model's logits may be wider.
  size_t vocab_size() const;

 private:
  friend class stream_decoder;
  std::unique_ptr<const tokenizer_parts> parts_;
};

/// Decodes one stream of tokens. The texts of all push() and of finish() together are what tokenizer::decode gives for
/// all ids. Not for several threads at once.
class stream_decoder {
 public:
  stream_decoder(std::shared_ptr<const tokenizer> tokens, bool skip_special, decode_from from = decode_from::start);
  stream_decoder(stream_decoder&&) noexcept;
  stream_decoder& operator=(stream_decoder&&) noexcept;
  ~stream_decoder();

  /// The text that this token completes: whole characters, perhaps none.
  std::string push(token_id id);
  /// The text held back, now that no token follows.
  std::string finish();

 private:
  struct state;
  std::shared_ptr<const tokenizer> tokens_;
  std::unique_ptr<state> state_;
};

}  // namespace troupe

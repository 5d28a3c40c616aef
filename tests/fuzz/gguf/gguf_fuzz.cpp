// One GGUF file in memory. Whatever is accepted must be readable to its last element, and what it says of a model, a
// tokenizer and a chat template must be taken or refused with a reason. The corpus is made by make_corpus.py.
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.hpp"
#include "base/utf8.hpp"
#include "shards/chat_template/chat_template.hpp"
#include "shards/model/gguf_model.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/quantised_blocks.hpp"
#include "shards/tokenizer/gguf_tokenizer.hpp"

namespace {

using namespace troupe;

template <class T>
bool taken(const result<T>& made) {
  if (!made) TROUPE_CHECK(!made.err().detail.empty());
  return made.has_value();
}

void read_whole(const tensor_view& tensor) {
  uint64_t elements = 1;
  for (uint64_t size : tensor.shape) elements *= size;
  TROUPE_CHECK(elements == tensor.elements());
  for (uint64_t row : {uint64_t{0}, tensor.shape.front() - 1})
    TROUPE_CHECK(tensor.row(row).size() == tensor.data.size() / tensor.shape.front());
  taken(check_scales(tensor));
  if (!is_weight(tensor.type)) return;
  std::vector<float> values(elements);
  read_f32(tensor, 0, values);
  read_f32(tensor, elements / 2, std::span(values).first(elements - elements / 2));
}

void use_model(const gguf_contents& file) {
  const auto config = gguf_model_config(file);
  if (!taken(config)) return;
  const auto tensors = gguf_model_tensors(file, *config);
  if (!taken(tensors)) return;
  for (const tensor_view& tensor : *tensors) read_whole(tensor);
}

void use_tokenizer(const gguf_contents& file) {
  const auto tokens = tokenizer_from_gguf(file);
  if (!taken(tokens)) return;
  for (const char* text : {"", "ab abc  a", "a<s>b</s>\u2581", "caf\u00E9 \u4E2D\u6587 123\r\n\t 4"}) {
    const auto ids = (*tokens)->encode(text, true);
    if (taken(ids)) TROUPE_CHECK(is_utf8((*tokens)->decode(*ids, false)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = parse_gguf(bytes);
  if (!taken(file)) return 0;
  TROUPE_CHECK(file->header_bytes <= size);
  for (const tensor_view& tensor : file->tensors) read_whole(tensor);
  use_model(*file);
  use_tokenizer(*file);
  const auto config = gguf_tokenizer_config(*file);
  if (taken(config)) taken(chat_template_from_config(*config));
  taken(gguf_tokenizer_kind(*file));
  return 0;
}

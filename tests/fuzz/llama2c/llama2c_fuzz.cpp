// A llama2.c checkpoint in memory. Whatever is accepted must have its tensors inside the file, of the sizes it says.
#include <cstdint>
#include <span>

#include "base/check.hpp"
#include "shards/model/llama2c_import.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  auto model = troupe::parse_llama2c(file);
  if (!model) {
    TROUPE_CHECK(!model.err().detail.empty());
    return 0;
  }
  const uint64_t dim = model->dim, layers = model->layers, kv = dim / model->heads * model->kv_heads;
  auto check = [&](std::span<const std::byte> tensor, uint64_t floats) {
    TROUPE_CHECK(tensor.size() == 4 * floats);
    TROUPE_CHECK(tensor.data() >= file.data() && tensor.data() + tensor.size() <= file.data() + file.size());
  };
  check(model->embedding, model->vocab_size * dim);
  check(model->wq, layers * dim * dim);
  check(model->wk, layers * kv * dim);
  check(model->wo, layers * dim * dim);
  check(model->w2, layers * dim * model->hidden_dim);
  check(model->final_norm, dim);
  if (!model->tied) check(model->classifier, model->vocab_size * dim);
  return 0;
}

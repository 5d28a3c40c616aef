#include "shards/engine/input_recorder.hpp"

namespace troupe {

result<std::unique_ptr<matrix>> input_recorder::load_matrix(const matrix_source& source) {
  TROUPE_ASSIGN(std::unique_ptr<matrix> loaded, backend_decorator::load_matrix(source));
  std::vector<std::vector<double>*>& sums = sums_of_[loaded.get()];
  for (const weight_part& part : source.parts) {
    const auto [at, added] = squares_.try_emplace(part.tensor->name, loaded->inputs(), 0.0);
    // A tensor of several parts is here only once.
    if (added) sums.push_back(&at->second);
  }
  return loaded;
}

void input_recorder::linear(const matrix& weights, rows_view x, uint32_t rows, rows_view out) {
  for (std::vector<double>* sums : sums_of_.at(&weights)) {
    for (uint32_t row = 0; row < rows; ++row) {
      const float* values = x.data + row * x.stride;
      for (size_t column = 0; column < sums->size(); ++column)
        (*sums)[column] += static_cast<double>(values[column]) * static_cast<double>(values[column]);
    }
  }
  backend_decorator::linear(weights, x, rows, out);
}

result<input_squares> record_inputs(std::span<const token_id> tokens, const text_reader_options& options,
                                    const std::function<void(uint64_t done)>& progress) {
  input_squares squares;
  text_reader_options silent = options;
  silent.logits = false;
  TROUPE_ASSIGN(std::unique_ptr<backend> device, make_cpu_backend(cpu_backend_choice::automatic, options.threads));
  TROUPE_ASSIGN(const std::unique_ptr<text_reader> reader,
                text_reader::open(silent, std::make_unique<input_recorder>(std::move(device), squares)));
  uint64_t done = 0;
  TROUPE_TRY(reader->read(tokens, [&](const text_step& step) { progress(done += step.targets.size()); }));
  return squares;
}

}  // namespace troupe

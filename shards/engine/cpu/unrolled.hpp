// Loops over registers. g++ 12 keeps an array that is indexed in a loop in memory, even an unrolled one, at half the
// speed; hence folds over constants.
#pragma once

#include <xmmintrin.h>

#include <cstdint>

#include "shards/engine/cpu/product_kernels.hpp"

namespace troupe {
namespace {

template <int... Index>
struct indices {};
template <int Count, int... Index>
struct count_up : count_up<Count - 1, Count - 1, Index...> {};
template <int... Index>
struct count_up<0, Index...> {
  using type = indices<Index...>;
};

/// Calls Function::run<rows>(task) with rows as a constant, 1 <= rows <= Most.
template <class Function, int Most, class Task>
void run_with_rows(const Task& task, uint32_t rows) {
  if constexpr (Most > 0) {
    if (rows == Most) {
      Function::template run<Most>(task);
    } else {
      run_with_rows<Function, Most - 1>(task, rows);
    }
  }
}

/// One part of a product_task.
struct product_part {
  packed_rows x;
  k_cut cut;
  uint32_t first, last;
  const uint8_t* panel;
  float* sums;
};

/// Calls multiply(product_part) for each.
template <class Multiply>
__attribute__((always_inline)) inline void for_parts(const product_task& task, const Multiply& multiply) {
  for (uint32_t part = 0; part < task.parts; ++part)
    multiply(product_part{task.x, task.cut, task.bounds[part], task.bounds[part + 1], task.panel,
                          task.sums + size_t{part} * task.rows * panel_columns});
}

/// While it lives, this thread's operands and results below 2^-126 are zero.
class flush_scope {
 public:
  flush_scope() : before_(_mm_getcsr()) { _mm_setcsr(before_ | flush_to_zero | denormals_are_zero); }
  ~flush_scope() { _mm_setcsr(before_); }
  flush_scope(const flush_scope&) = delete;
  flush_scope& operator=(const flush_scope&) = delete;

 private:
  static constexpr uint32_t flush_to_zero = 0x8000;
  static constexpr uint32_t denormals_are_zero = 0x0040;
  uint32_t before_;
};

}  // namespace
}  // namespace troupe

// The tensor operations on the CPU. One arrangement of the work for every instruction set; the inner loops come from a
// table (cpu_kernels.hpp) of which there are three: scalar, the definition of right, and AVX2 and AVX-512, which give
// the same bits.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "shards/engine/backend.hpp"

namespace troupe {

enum class cpu_backend_choice : uint8_t { automatic, scalar, avx2, avx512 };

/// "auto", "scalar", "avx2", "avx512". Errors: invalid_argument.
result<cpu_backend_choice> parse_cpu_backend_choice(std::string_view text);

/// `automatic` takes the widest that this machine has. `threads` >= 1 counts the calling one.
/// Errors: not_supported where the machine lacks the instructions.
result<std::unique_ptr<backend>> make_cpu_backend(cpu_backend_choice choice, uint32_t threads);

}  // namespace troupe

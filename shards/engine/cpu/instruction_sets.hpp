// Which kernels run on this machine.
#pragma once

#include <string>

#include "base/result.hpp"
#include "shards/engine/cpu/cpu_backend.hpp"
#include "shards/engine/cpu/cpu_kernels.hpp"
#include "shards/engine/cpu/product_kernels.hpp"

namespace troupe {

struct cpu_tables {
  const cpu_kernels* kernels = nullptr;
  product_kernels products = {};
  /// "avx512 bf16 vnni"
  std::string name = {};
};

/// `automatic` takes the widest that this machine has; avx512 takes its bf16 and VNNI instructions where they are
/// there. Errors: not_supported where the machine lacks the instructions.
result<cpu_tables> cpu_tables_for(cpu_backend_choice choice);

}  // namespace troupe

// The bundled model in every precision that the engine computes with.
#pragma once

#include <string>
#include <vector>

namespace troupe::test {

struct precision {
  std::string name;
  /// Of a model.
  std::string folder;
  /// As in shard_config.
  bool kv_bf16 = false;
};

/// Makes the models in `folder`, a new one.
std::vector<precision> precisions(const std::string& folder);

}  // namespace troupe::test

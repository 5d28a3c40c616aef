// Any bytes as a configuration: refused in one printable line, or taken.
#include <cstdint>
#include <cstdlib>

#include "base/utf8.hpp"
#include "schemas/cluster_config_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto config = troupe::parse_cluster_config({reinterpret_cast<const char*>(data), size}, "f.yaml");
  if (config) return config->hosts.empty() ? std::abort(), 0 : 0;
  const std::string& detail = config.err().detail;
  if (config.err().code != troupe::errc::invalid_argument) std::abort();
  if (!detail.starts_with("f.yaml:") || detail.find('\n') != std::string::npos || !troupe::is_utf8(detail))
    std::abort();
  return 0;
}

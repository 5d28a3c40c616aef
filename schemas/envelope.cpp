#include "schemas/envelope.hpp"

#include <array>

#include "base/check.hpp"

namespace troupe {

std::string_view name(service s) {
  constexpr std::array<std::string_view, service_count> names{"requests",         "router",     "group_leader",
                                                              "group_supervisor", "controller", "host_agent",
                                                              "membership",       "ctl",        "node"};
  auto index = static_cast<size_t>(s);
  TROUPE_CHECK(index < names.size());
  return names[index];
}

uint64_t cluster_key(std::string_view cluster_name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : cluster_name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace troupe

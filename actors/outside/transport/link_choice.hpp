// Which of two connections to the same node is the link. Both ends decide alike, without asking each other. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "actors/outside/transport/link_wire.hpp"

namespace troupe {

struct link_facts {
  /// The peer's.
  uint64_t incarnation = 0;
  bool dialled_by_us = false;
};

/// Whether `offered` takes the place of `present`, or why not: `older` (the present one is of a later start of the
/// peer), `duplicate` (both ends dialled at the same time; the connection dialled by the smaller name is kept). The
/// same end dialling again has given up its earlier connection, whether or not we have noticed that it is gone.
inline link_refusal choose_link(std::string_view self, std::string_view peer, const std::optional<link_facts>& present,
                                link_facts offered) {
  if (self == peer) return link_refusal::own_name;
  if (!present || offered.incarnation > present->incarnation) return link_refusal::none;
  if (offered.incarnation < present->incarnation) return link_refusal::older;
  if (offered.dialled_by_us == present->dialled_by_us) return link_refusal::none;
  bool smaller_dialled = offered.dialled_by_us == (self < peer);
  return smaller_dialled ? link_refusal::none : link_refusal::duplicate;
}

}  // namespace troupe

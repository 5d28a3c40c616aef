// The identifiers that cross layers, each a type of its own or a named alias.
#pragma once

#include <cstdint>
#include <string>

namespace troupe {

/// An entry of a model's vocabulary.
using token_id = uint32_t;

/// "gateway-0", "g0r1": unique in a cluster, as in the configuration.
using node_name = std::string;

/// The number of a group's incarnation; what carries an older one is refused. 0 is "none yet".
using generation_number = uint64_t;

/// One choice of one request on one gateway incarnation.
using stream_id = uint64_t;

}  // namespace troupe

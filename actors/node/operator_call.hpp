// One question of an operator to a cluster's control node, over the nodes' own transport, with the certificate "ctl".
#pragma once

#include <string>
#include <vector>

#include "actors/outside/transport/asio_transport.hpp"
#include "schemas/envelope.hpp"

namespace troupe {

/// Asks the first gateway that answers and waits for the answer, at most `patience`. Errors: unavailable (nobody
/// answered), io_failed (no certificate: only who may read the state folder may ask).
result<description> call_control(const std::string& cluster, const std::string& state_folder,
                                 const std::vector<transport_peer>& gateways, envelope_body question,
                                 duration patience = std::chrono::seconds(5));

}  // namespace troupe

// What can be known of a host's models before anything is started: so that a folder that cannot be served ends `troupe
// up` with one line, instead of groups that are started again and again.
#pragma once

#include "actors/runtime/groups.hpp"
#include "base/result.hpp"
#include "schemas/cluster_config.hpp"

namespace troupe {

/// Reads each model's configuration, tensor headers and tokenizer, and adds up what the groups on this host need.
/// Errors: those of the files, invalid_argument (it cannot be split over so many ranks), out_of_memory; they name the
/// deployment.
result<void> check_models(const cluster_config& config, const std::vector<group_spec>& groups, const node_name& host);

}  // namespace troupe

// What a gateway reads of the models that it serves: tokenizer, chat template, limits and defaults. The weights are for
// the ranks alone.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "gateway/cluster_client.hpp"
#include "schemas/cluster_config.hpp"

namespace troupe {

/// Of one deployment. `created`: Unix seconds, for clients. Errors: those of the files; they name them.
result<std::shared_ptr<const served_model>> load_served_model(const deployment_config& deployment, int64_t created);

/// Of each deployment, in order. Errors: those of the files; they name the deployment.
result<std::vector<std::shared_ptr<const served_model>>> load_served_models(const cluster_config& config,
                                                                            const clock& time);

}  // namespace troupe

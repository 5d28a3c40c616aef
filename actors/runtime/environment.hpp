// What every actor of a node is given: the seams and the configuration. Owned by the node, outlives its actors.
#pragma once

#include "actors/runtime/post_office.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "schemas/cluster_config.hpp"

namespace troupe {

struct environment {
  const cluster_config& config;
  troupe::clock& clock;
  random_source& random;
  logger& log;
  post_office& post;
  actor_metrics& metrics;
};

}  // namespace troupe

// What a gateway's node counts, for Prometheus. Labels come from short fixed lists: groups and routes of the
// configuration, error names; never from a request.
#pragma once

#include <memory>
#include <string>

#include "actors/runtime/metrics.hpp"
#include "gateway/api/gateway_metrics.hpp"

namespace troupe {

class prometheus_metrics {
 public:
  prometheus_metrics();
  ~prometheus_metrics();
  prometheus_metrics(const prometheus_metrics&) = delete;
  prometheus_metrics& operator=(const prometheus_metrics&) = delete;

  actor_metrics& for_actors();
  gateway_metrics& for_gateway();
  /// The exposition text. Any thread.
  std::string text() const;

 private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

}  // namespace troupe

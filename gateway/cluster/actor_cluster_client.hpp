// The cluster_client of a real gateway: hands requests to the `requests` actor and reads what the router decided.
#pragma once

#include <atomic>
#include <map>

#include "actors/router/status_board.hpp"
#include "actors/runtime/environment.hpp"
#include "gateway/cluster/prometheus_metrics.hpp"
#include "gateway/cluster_client.hpp"

namespace troupe {

class actor_cluster_client final : public cluster_client {
 public:
  /// The references must outlive it and every running_request that it gave.
  actor_cluster_client(environment& env, std::vector<std::shared_ptr<const served_model>> models,
                       const status_board& board, const prometheus_metrics& metrics);

  std::shared_ptr<const served_model> find_model(std::string_view id) const override;
  std::vector<std::shared_ptr<const served_model>> models() const override { return models_; }
  std::unique_ptr<running_request> generate(generate_request request, std::shared_ptr<answer_sink> sink) override;
  readiness ready() const override;
  std::string metrics_text() const override { return metrics_.text(); }

 private:
  environment& env_;
  std::vector<std::shared_ptr<const served_model>> models_;
  std::map<std::string, std::shared_ptr<const served_model>, std::less<>> by_name_;
  const status_board& board_;
  const prometheus_metrics& metrics_;
  std::atomic<uint64_t> next_key_{1};
};

}  // namespace troupe

// The one bridge between the HTTP threads and the actors, as the HTTP side sees it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/request/answer.hpp"
#include "base/result.hpp"

namespace troupe {

class tokenizer;
class chat_template_set;

/// A model that this cluster serves, with what is needed to turn text into a generate_request.
struct served_model {
  /// What clients write in "model"; `aliases` are accepted too.
  std::string id;
  std::vector<std::string> aliases;
  /// Unix seconds.
  int64_t created = 0;
  uint32_t context_max = 0;
  uint32_t vocab_size = 0;
  /// Numbers of an embedding.
  uint32_t hidden = 0;
  /// How embeddings are made; never none.
  pooling_kind pooling = pooling_kind::last;
  std::vector<token_id> eos;
  std::shared_ptr<const tokenizer> tokens;
  /// Null where the model has none: chat requests are refused with a clear error.
  std::shared_ptr<const chat_template_set> chat;
  /// The defaults of generation_config.json: temperature, top_p, top_k, repetition_penalty.
  sampling_params defaults;
};

/// A request under way. Destroying it cancels it. Any thread.
class running_request {
 public:
  virtual ~running_request() = default;
  /// The sink has room again after it refused a delta.
  virtual void resume() = 0;
};

struct readiness {
  /// Every deployment has a group whose steps advance.
  bool ready = false;
  bool draining = false;
  /// For people: what is missing.
  std::string detail;
};

class cluster_client {
 public:
  virtual ~cluster_client() = default;
  /// Nullptr where no deployment serves it.
  virtual std::shared_ptr<const served_model> find_model(std::string_view id) const = 0;
  virtual std::vector<std::shared_ptr<const served_model>> models() const = 0;
  /// The sink is told everything that follows, errors included. Nullptr where nothing was started; the sink was told
  /// why.
  virtual std::unique_ptr<running_request> generate(generate_request request, std::shared_ptr<answer_sink> sink) = 0;
  virtual readiness ready() const = 0;
  /// The Prometheus text of this node.
  virtual std::string metrics_text() const = 0;
};

}  // namespace troupe
